import { columnsOf, ID, type Key, LOWEST_ID, startOf, textsOf, valuesIn } from '../database/keyset';
import { type SystemTransaction } from '../database/system-transaction';
import { type TenantId } from '../kernel/ids';
import { type Json, mapTexts } from '../kernel/json';
import {
  destinationPlace,
  erasureSubjectPlace,
  HASH_KEY_PLACE,
  payloadPlace,
  signingSecretPlace,
} from '../kernel/places';
import { type SecretBox } from '../kernel/secret-box';

const NAME: Key = [['name', 'text', '']];
const VERSION: Key = [
  ['destination_id', 'uuid', LOWEST_ID],
  ['version', 'int', '0'],
];

/** A column in which sealed texts stand, alone or anywhere inside JSON, and the place that they are bound to. */
interface SealedColumn {
  table: string;
  column: string;
  key: Key;
  json: boolean;
  place: (tenantId: TenantId) => string;
  /** Absent where rows belong to a tenant. */
  ofPlatform?: true;
}

/** Every column with sealed texts; test/integration/key-rotation.spec.ts finds one that is missing. */
export const SEALED_COLUMNS: readonly SealedColumn[] = [
  {
    table: 'platform_secrets',
    column: 'secret',
    key: NAME,
    json: false,
    place: () => HASH_KEY_PLACE,
    ofPlatform: true,
  },
  { table: 'signing_secrets', column: 'secret', key: ID, json: false, place: signingSecretPlace },
  { table: 'erasures', column: 'subject_value', key: ID, json: false, place: erasureSubjectPlace },
  { table: 'destinations', column: 'configuration', key: ID, json: true, place: destinationPlace },
  {
    table: 'destination_configs',
    column: 'configuration',
    key: VERSION,
    json: true,
    place: destinationPlace,
  },
  { table: 'distribution_jobs', column: 'payload', key: ID, json: true, place: payloadPlace },
  { table: 'distribution_jobs', column: 'destinations', key: ID, json: true, place: destinationPlace },
  { table: 'distribution_jobs', column: 'callback', key: ID, json: true, place: destinationPlace },
];

const ROWS_AT_ONCE = 200;

export interface Progress {
  /** `table.column` */
  where: string;
  resealed: number;
  /** Sealed with a key that the ring does not hold: nobody can read them any more. */
  unreadable: number;
}

export type KeyUse = { where: string; key_id: string; texts: number };

type SealedRow = { tenant_id: TenantId; key: string[]; value: Json };

/**
 * Seals anew with the current key whatever another key sealed, in steps of a few rows, each its own transaction:
 * running processes notice nothing, and a run that was broken off goes on where it ended. A row that is changed at
 * the same moment keeps the change; it is found again by the next pass.
 */
export class Resealing {
  constructor(
    private readonly system: Pick<SystemTransaction, 'query'>,
    private readonly box: SecretBox,
  ) {}

  async run(onProgress: (progress: Progress) => void): Promise<void> {
    for (const column of SEALED_COLUMNS) await this.column(column, onProgress);
  }

  /** Which keys the texts of each column are sealed with. */
  async use(): Promise<KeyUse[]> {
    const uses = await Promise.all(
      SEALED_COLUMNS.map(({ table, column }) =>
        this.system.query<{ key_id: string; texts: number }>(
          {
            name: `key_use_${table}_${column}`,
            text: `
              SELECT found[1] AS key_id, count(*)::int AS texts
              FROM ${table}, regexp_matches(${column}::text, 'v1\\.([0-9a-f]{8})\\.[\\w-]{16}\\.', 'g') AS found
              GROUP BY 1 ORDER BY 1`,
          },
          [],
        ),
      ),
    );
    return SEALED_COLUMNS.flatMap(({ table, column }, index) =>
      (uses[index] ?? []).map((use) => ({ where: `${table}.${column}`, ...use })),
    );
  }

  private async column(column: SealedColumn, onProgress: (progress: Progress) => void): Promise<void> {
    const progress: Progress = { where: `${column.table}.${column.column}`, resealed: 0, unreadable: 0 };
    for (let after = startOf(column.key); ;) {
      const rows = await this.system.query<SealedRow>(nextRows(column), [after, this.box.fingerprint]);
      for (const row of rows) await this.row(column, row, progress);
      onProgress(progress);
      const last = rows.at(-1);
      if (last === undefined) return;
      after = last.key;
    }
  }

  private async row(column: SealedColumn, row: SealedRow, progress: Progress): Promise<void> {
    const resealed = mapTexts(row.value, (text) => {
      const again = this.box.reseal(text, column.place(row.tenant_id));
      if (again.kind === 'unknown_key') progress.unreadable++;
      return again.kind === 'resealed' ? again.text : text;
    });
    const stored = (value: Json): unknown => (column.json ? JSON.stringify(value) : value);
    const changed = await this.system.query(replaceRow(column), [
      row.tenant_id,
      row.key,
      stored(resealed),
      stored(row.value),
    ]);
    progress.resealed += changed.length;
  }
}

const nextRows = ({ table, column, key, json, ofPlatform }: SealedColumn) => ({
  name: `sealed_rows_${table}_${column}`,
  text: `
    SELECT ${ofPlatform ? 'NULL' : 'tenant_id'} AS tenant_id, ${textsOf(key)} AS key,
      ${json ? column : `to_jsonb(${column})`} AS value
    FROM ${table}
    WHERE (${columnsOf(key)}) > (${valuesIn(key, '$1')})
      AND ${column}::text ~ ('v1\\.(?!' || $2 || ')[0-9a-f]{8}\\.[\\w-]{16}\\.')
    ORDER BY ${columnsOf(key)} LIMIT ${ROWS_AT_ONCE}`,
});

const replaceRow = ({ table, column, key, json, ofPlatform }: SealedColumn) => ({
  name: `reseal_${table}_${column}`,
  text: `
    UPDATE ${table} SET ${column} = ${json ? '$3::jsonb' : '$3::text'}
    WHERE ${ofPlatform ? '$1::text IS NULL' : 'tenant_id = $1'} AND (${columnsOf(key)}) = (${valuesIn(key, '$2')})
      AND ${column} = ${json ? '$4::jsonb' : '$4::text'} AND ${json ? '$3::jsonb <> $4::jsonb' : '$3::text <> $4::text'}
    RETURNING 1`,
});
