import { type QueryRunner } from 'typeorm';
import { MIGRATIONS } from '../../migrations';

/** The statements of a migration, as its `up` sends them; no database is needed to read them. */
async function statementsOf(Migration: (typeof MIGRATIONS)[number]): Promise<string> {
  const sent: string[] = [];
  const reader = { query: async (sql: string) => void sent.push(sql) };
  await new Migration().up(reader as unknown as QueryRunner);
  return sent.join(';\n').replace(/--.*$/gm, '');
}

/** What a process of the version before, which runs on while the new one migrates, may not survive. */
const BREAKING: [what: string, pattern: RegExp][] = [
  ['drops a table', /\bDROP\s+TABLE\b(?!\s+%I)/i],
  ['drops a column', /\bDROP\s+COLUMN\b/i],
  ['renames', /\bRENAME\s+(TO|COLUMN|CONSTRAINT)?\b/i],
  ['changes a type', /\bALTER\s+COLUMN\s+\w+\s+(SET\s+DATA\s+)?TYPE\b/i],
  ['adds a required column without a default', /\bADD\s+COLUMN\s+(?![^,;]*\bDEFAULT\b)[^,;]*\bNOT\s+NULL\b/i],
  ['makes a column required', /\bSET\s+NOT\s+NULL\b/i],
];

/** Safe, for the reason that is given; an entry is for one migration only. */
const ALLOWED: Record<string, string> = {
  'AuditChain1763600000007 makes a column required': 'a trigger fills it in, for every writer',
  'Lanes1763600000009 changes a type': 'of a column that it has just added',
  'Users1763600000010 changes a type': 'a longer text; what was written and read before still is',
};

describe('migrations', () => {
  it.each(MIGRATIONS)('leave the statements of the version before working: $name', async (migration) => {
    const sql = await statementsOf(migration);
    expect(sql).not.toBe('');
    const found = BREAKING.filter(([, pattern]) => pattern.test(sql)).map(
      ([what]) => `${migration.name} ${what}`,
    );
    expect(found.filter((entry) => ALLOWED[entry] === undefined)).toEqual([]);
  });

  it.each([
    'ALTER TABLE t DROP COLUMN a',
    'DROP TABLE t',
    'ALTER TABLE t RENAME COLUMN a TO b',
    'ALTER TABLE t ALTER COLUMN a TYPE text',
    'ALTER TABLE t ADD COLUMN a integer NOT NULL',
    'ALTER TABLE t ALTER COLUMN a SET NOT NULL',
  ])('are found out where they do not: %s', (sql) => {
    expect(BREAKING.filter(([, pattern]) => pattern.test(sql))).toHaveLength(1);
  });
});
