import { randomBytes } from 'node:crypto';
import { type QueryResultRow } from 'pg';
import { type JsonObject } from '../../src/kernel/json';

interface Canary {
  place: string;
  value: string;
  /** Where it is meant to stand in plain; nowhere for a secret. */
  allowed: RegExp[];
  spellings: string[];
}

/** Secrets that are planted, and everything in which they must not turn up again. */
export class Canaries {
  private readonly planted: Canary[] = [];
  readonly found = new Set<string>();
  /** Texts that were searched. */
  searched = 0;

  /** A secret of this place; letters and digits, so that no escaping hides it. */
  plant(place: string, ...allowed: RegExp[]): string {
    return this.watch(place, `canary${randomBytes(9).toString('hex')}`, ...allowed);
  }

  /** A secret that somebody else made. */
  watch(place: string, value: string, ...allowed: RegExp[]): string {
    this.planted.push({ place, value, allowed, spellings: spellingsOf(value) });
    return value;
  }

  get count(): number {
    return this.planted.length;
  }

  /** `where` is what a finding is called, and what `allowed` speaks of. */
  search(where: string, text: string): void {
    this.searched++;
    for (const { place, allowed, spellings } of this.planted) {
      if (!spellings.some((spelling) => text.includes(spelling))) continue;
      if (!allowed.some((pattern) => pattern.test(where))) this.found.add(`${place} in ${where}`);
    }
  }
}

type Rows = <Row extends QueryResultRow>(sql: string) => Promise<Row[]>;

/** Every column of every row of every table, past every policy. Tells how many tables there are. */
export async function searchTables(rows: Rows, canaries: Canaries): Promise<number> {
  const tables = await rows<{ name: string }>(
    `SELECT relname AS name FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'm') AND NOT relispartition`,
  );
  for (const { name } of tables) {
    for (const { row } of await rows<{ row: JsonObject }>(`SELECT to_jsonb(t) AS row FROM ${name} t`)) {
      for (const [column, value] of Object.entries(row))
        canaries.search(`${name}.${column}`, JSON.stringify(value));
    }
  }
  return tables.length;
}

/** As it stands, in hexadecimal (how a dump shows bytes), and in base64 at each of its three offsets. */
function spellingsOf(value: string): string[] {
  const encoded = [0, 1, 2].map((offset) => {
    const text = Buffer.from(`${'\0'.repeat(offset)}${value}`).toString('base64');
    // What depends on the neighbours goes: before, and in the last group.
    return text.slice(offset === 0 ? 0 : 4, -4);
  });
  return [value, Buffer.from(value).toString('hex'), ...encoded];
}
