import { type Client } from 'pg';

/*
 * The schema as text, from the catalogue: the same for every PostgreSQL version that we run on, which pg_dump's is
 * not, and without partitions, whose names depend on the month. Committed as test/schema.sql so that a change of a
 * migration shows what it does.
 */

const TABLES = `
  SELECT c.oid::int AS oid, c.relname AS name, c.relkind::text AS kind, pg_get_userbyid(c.relowner) AS owner,
    c.relrowsecurity AS secured, c.relforcerowsecurity AS forced, pg_get_partkeydef(c.oid) AS partitioned,
    array_to_string(c.reloptions, ', ') AS options,
    CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END AS definition
  FROM pg_class c
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
    AND NOT c.relispartition AND c.relname <> 'migrations'
  ORDER BY c.relname`;

const COLUMNS = `
  SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS required,
    pg_get_expr(d.adbin, d.adrelid) AS fallback, a.attstorage <> t.typstorage AS stored, a.attstorage::text AS storage
  FROM pg_attribute a
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
  ORDER BY a.attnum`;

// PostgreSQL 18 lists NOT NULL as constraints too; the columns say it already.
const CONSTRAINTS = `
  SELECT conname AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint
  WHERE conrelid = $1 AND contype <> 'n' AND conparentid = 0
  ORDER BY conname`;

const INDEXES = `
  SELECT pg_get_indexdef(i.indexrelid) AS definition FROM pg_index i
  WHERE i.indrelid = $1 AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u'))
  ORDER BY 1`;

const TRIGGERS = `
  SELECT pg_get_triggerdef(oid) AS definition FROM pg_trigger
  WHERE tgrelid = $1 AND NOT tgisinternal ORDER BY tgname`;

const POLICIES = `
  SELECT policyname AS name, cmd, array_to_string(roles, ', ') AS roles, qual, with_check FROM pg_policies
  WHERE schemaname = 'public' AND tablename = $1 ORDER BY policyname`;

const GRANTS = `
  SELECT grantee, string_agg(privilege_type, ', ' ORDER BY privilege_type) AS privileges
  FROM information_schema.role_table_grants
  WHERE table_schema = 'public' AND table_name = $1 AND grantee <> grantor GROUP BY grantee ORDER BY grantee`;

const FUNCTIONS = `
  SELECT p.proname AS name, pg_get_functiondef(p.oid) AS definition,
    (SELECT string_agg(a.grantee::regrole::text, ', ' ORDER BY 1) FROM aclexplode(p.proacl) a
     WHERE a.grantee <> p.proowner AND a.grantee <> 0) AS grantees
  FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace ORDER BY p.proname`;

const ROLES = `
  SELECT rolname AS name, rolcanlogin AS login, rolinherit AS inherits, rolsuper OR rolbypassrls AS bypasses
  FROM pg_roles WHERE rolname LIKE 'distributor\\_%' AND rolname IN
    ('distributor_owner', 'distributor_app', 'distributor_system', 'distributor_readonly') ORDER BY rolname`;

type Row = Record<string, string | number | boolean | null>;

export async function dumpSchema(client: Client): Promise<string> {
  const rows = async (sql: string, values: unknown[] = []): Promise<Row[]> =>
    (await client.query<Row>(sql, values)).rows;
  const parts: string[] = ['-- Made by npm run schema from the migrations; do not edit.'];
  for (const role of await rows(ROLES)) parts.push(describeRole(role));
  for (const table of await rows(TABLES)) {
    const oid = [table['oid']];
    const name = [table['name']];
    parts.push(
      [
        describeTable(table),
        ...(await rows(COLUMNS, oid)).map(describeColumn),
        ...(await rows(CONSTRAINTS, oid)).map((row) => `  CONSTRAINT ${row['name']} ${row['definition']}`),
        ...(await rows(INDEXES, oid)).map((row) => `  ${String(row['definition']).replace(' ONLY ', ' ')}`),
        ...(await rows(TRIGGERS, oid)).map((row) => `  ${row['definition']}`),
        ...(await rows(POLICIES, name)).map(describePolicy),
        ...(await rows(GRANTS, name)).map((row) => `  GRANT ${row['privileges']} TO ${row['grantee']}`),
        ...(table['definition'] === null ? [] : [`  AS ${unqualified(normal(table['definition']))}`]),
      ].join('\n'),
    );
  }
  for (const row of await rows(FUNCTIONS))
    parts.push(`${normal(row['definition'])}\n  GRANT EXECUTE TO ${row['grantees'] ?? 'PUBLIC by default'}`);
  return `${parts.join('\n\n')}\n`;
}

const KINDS: Record<string, string> = { r: 'TABLE', p: 'TABLE', v: 'VIEW', m: 'MATERIALIZED VIEW' };

function describeTable({ name, kind, owner, secured, forced, partitioned, options }: Row): string {
  const details = [
    `OWNER ${owner}`,
    ...(partitioned === null ? [] : [`PARTITION BY ${partitioned}`]),
    ...(options === null ? [] : [`WITH (${options})`]),
    ...(secured === true ? ['ROW LEVEL SECURITY'] : []),
    ...(forced === true ? ['FORCED'] : []),
  ];
  return `${KINDS[String(kind)]} ${name} -- ${details.join(', ')}`;
}

function describeColumn({ name, type, required, fallback, stored, storage }: Row): string {
  const words = [
    `  ${name} ${type}`,
    ...(required === true ? ['NOT NULL'] : []),
    ...(fallback === null ? [] : [`DEFAULT ${fallback}`]),
    ...(stored === true ? [`STORAGE ${storage}`] : []),
  ];
  return words.join(' ');
}

const describePolicy = ({ name, cmd, roles, qual, with_check }: Row): string =>
  `  POLICY ${name} FOR ${cmd} TO ${roles} USING (${qual ?? '-'}) WITH CHECK (${with_check ?? '-'})`;

const describeRole = ({ name, login, inherits, bypasses }: Row): string =>
  `ROLE ${name} ${login === true ? 'LOGIN' : 'NOLOGIN'} ${inherits === true ? 'INHERIT' : 'NOINHERIT'}${bypasses === true ? ' BYPASSES POLICIES' : ''}`;

/** Versions differ in how they break and qualify lines. */
const normal = (definition: Row[string] | undefined): string =>
  String(definition).replace(/\s+/g, ' ').trim();

/** A view of one table names its columns with or without the table, depending on the version. */
function unqualified(view: string): string {
  const table = / FROM (\w+)/.exec(view)?.[1];
  return table === undefined || view.includes(' JOIN ') ? view : view.replaceAll(`${table}.`, '');
}
