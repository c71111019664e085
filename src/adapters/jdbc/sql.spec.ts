import { DIALECTS } from './dialect';
import { deleteSql, existsSql, insertIgnoreSql, insertSql, updateSql, upsertSql } from './sql';
import { type DialectName } from './url';

const shape = { table: ['sales', 'or"d`e]rs'], columns: ['id', 'line', 'qty', 'note'], keys: ['id', 'line'] };

const written = (name: DialectName, quoted = shape): Record<string, string> => {
  const dialect = DIALECTS[name];
  return {
    insert: insertSql(dialect, quoted, dialect.maxRows === 1 ? 1 : 2),
    insert_ignore: insertIgnoreSql(dialect, quoted, 1),
    upsert: upsertSql(dialect, quoted, 1),
    'upsert of keys alone': upsertSql(dialect, { ...quoted, columns: quoted.keys }, 1),
    update: updateSql(dialect, quoted),
    delete: deleteSql(dialect, quoted),
    exists: existsSql(dialect, quoted),
  };
};

/** The last two have no server in the tests: what is sent to them stands here for a reader's eye. */
describe('SQL of each dialect', () => {
  it('for PostgreSQL', () =>
    expect(written('postgresql')).toMatchInlineSnapshot(`
     {
       "delete": "DELETE FROM "sales"."or""d\`e]rs" WHERE "id" = $1 AND "line" = $2",
       "exists": "SELECT 1 FROM "sales"."or""d\`e]rs" WHERE "id" = $1 AND "line" = $2",
       "insert": "INSERT INTO "sales"."or""d\`e]rs" ("id", "line", "qty", "note") VALUES ($1, $2, $3, $4), ($5, $6, $7, $8)",
       "insert_ignore": "INSERT INTO "sales"."or""d\`e]rs" ("id", "line", "qty", "note") VALUES ($1, $2, $3, $4) ON CONFLICT ("id", "line") DO NOTHING",
       "update": "UPDATE "sales"."or""d\`e]rs" SET "qty" = $1, "note" = $2 WHERE "id" = $3 AND "line" = $4",
       "upsert": "INSERT INTO "sales"."or""d\`e]rs" ("id", "line", "qty", "note") VALUES ($1, $2, $3, $4) ON CONFLICT ("id", "line") DO UPDATE SET "qty" = EXCLUDED."qty", "note" = EXCLUDED."note"",
       "upsert of keys alone": "INSERT INTO "sales"."or""d\`e]rs" ("id", "line") VALUES ($1, $2) ON CONFLICT ("id", "line") DO NOTHING",
     }
    `));
  it('for MySQL and MariaDB', () =>
    expect(written('mysql')).toMatchInlineSnapshot(`
     {
       "delete": "DELETE FROM \`sales\`.\`or"d\`\`e]rs\` WHERE \`id\` = ? AND \`line\` = ?",
       "exists": "SELECT 1 FROM \`sales\`.\`or"d\`\`e]rs\` WHERE \`id\` = ? AND \`line\` = ?",
       "insert": "INSERT INTO \`sales\`.\`or"d\`\`e]rs\` (\`id\`, \`line\`, \`qty\`, \`note\`) VALUES (?, ?, ?, ?), (?, ?, ?, ?)",
       "insert_ignore": "INSERT INTO \`sales\`.\`or"d\`\`e]rs\` (\`id\`, \`line\`, \`qty\`, \`note\`) VALUES (?, ?, ?, ?) ON DUPLICATE KEY UPDATE \`id\` = \`id\`",
       "update": "UPDATE \`sales\`.\`or"d\`\`e]rs\` SET \`qty\` = ?, \`note\` = ? WHERE \`id\` = ? AND \`line\` = ?",
       "upsert": "INSERT INTO \`sales\`.\`or"d\`\`e]rs\` (\`id\`, \`line\`, \`qty\`, \`note\`) VALUES (?, ?, ?, ?) ON DUPLICATE KEY UPDATE \`qty\` = VALUES(\`qty\`), \`note\` = VALUES(\`note\`)",
       "upsert of keys alone": "INSERT INTO \`sales\`.\`or"d\`\`e]rs\` (\`id\`, \`line\`) VALUES (?, ?) ON DUPLICATE KEY UPDATE \`id\` = \`id\`",
     }
    `));
  it('for SQL Server', () =>
    expect(written('sqlserver')).toMatchInlineSnapshot(`
     {
       "delete": "DELETE FROM [sales].[or"d\`e]]rs] WHERE [id] = @p1 AND [line] = @p2",
       "exists": "SELECT 1 FROM [sales].[or"d\`e]]rs] WHERE [id] = @p1 AND [line] = @p2",
       "insert": "INSERT INTO [sales].[or"d\`e]]rs] ([id], [line], [qty], [note]) VALUES (@p1, @p2, @p3, @p4), (@p5, @p6, @p7, @p8)",
       "insert_ignore": "MERGE INTO [sales].[or"d\`e]]rs] WITH (HOLDLOCK) AS target USING (VALUES (@p1, @p2, @p3, @p4)) AS source ([id], [line], [qty], [note]) ON (target.[id] = source.[id] AND target.[line] = source.[line]) WHEN NOT MATCHED THEN INSERT ([id], [line], [qty], [note]) VALUES (source.[id], source.[line], source.[qty], source.[note]);",
       "update": "UPDATE [sales].[or"d\`e]]rs] SET [qty] = @p1, [note] = @p2 WHERE [id] = @p3 AND [line] = @p4",
       "upsert": "MERGE INTO [sales].[or"d\`e]]rs] WITH (HOLDLOCK) AS target USING (VALUES (@p1, @p2, @p3, @p4)) AS source ([id], [line], [qty], [note]) ON (target.[id] = source.[id] AND target.[line] = source.[line]) WHEN MATCHED THEN UPDATE SET target.[qty] = source.[qty], target.[note] = source.[note] WHEN NOT MATCHED THEN INSERT ([id], [line], [qty], [note]) VALUES (source.[id], source.[line], source.[qty], source.[note]);",
       "upsert of keys alone": "MERGE INTO [sales].[or"d\`e]]rs] WITH (HOLDLOCK) AS target USING (VALUES (@p1, @p2)) AS source ([id], [line]) ON (target.[id] = source.[id] AND target.[line] = source.[line]) WHEN NOT MATCHED THEN INSERT ([id], [line]) VALUES (source.[id], source.[line]);",
     }
    `));
  it('for Oracle', () =>
    expect(written('oracle', { ...shape, table: ['SALES', 'ORDERS'] })).toMatchInlineSnapshot(`
     {
       "delete": "DELETE FROM "SALES"."ORDERS" WHERE "id" = :1 AND "line" = :2",
       "exists": "SELECT 1 FROM "SALES"."ORDERS" WHERE "id" = :1 AND "line" = :2",
       "insert": "INSERT INTO "SALES"."ORDERS" ("id", "line", "qty", "note") VALUES (:1, :2, :3, :4)",
       "insert_ignore": "MERGE INTO "SALES"."ORDERS" target USING (SELECT :1 AS "id", :2 AS "line", :3 AS "qty", :4 AS "note" FROM DUAL) source ON (target."id" = source."id" AND target."line" = source."line") WHEN NOT MATCHED THEN INSERT ("id", "line", "qty", "note") VALUES (source."id", source."line", source."qty", source."note")",
       "update": "UPDATE "SALES"."ORDERS" SET "qty" = :1, "note" = :2 WHERE "id" = :3 AND "line" = :4",
       "upsert": "MERGE INTO "SALES"."ORDERS" target USING (SELECT :1 AS "id", :2 AS "line", :3 AS "qty", :4 AS "note" FROM DUAL) source ON (target."id" = source."id" AND target."line" = source."line") WHEN MATCHED THEN UPDATE SET target."qty" = source."qty", target."note" = source."note" WHEN NOT MATCHED THEN INSERT ("id", "line", "qty", "note") VALUES (source."id", source."line", source."qty", source."note")",
       "upsert of keys alone": "MERGE INTO "SALES"."ORDERS" target USING (SELECT :1 AS "id", :2 AS "line" FROM DUAL) source ON (target."id" = source."id" AND target."line" = source."line") WHEN NOT MATCHED THEN INSERT ("id", "line") VALUES (source."id", source."line")",
     }
    `));
});
