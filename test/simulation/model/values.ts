import { EPOCH, type Moment, type Tables } from './tables';

export type Row = Record<string, unknown>;

/** A statement as the model runs it: on rows in memory, with the parameters that PostgreSQL would get. */
export type Modelled = (tables: Tables, values: readonly unknown[], tenantId: string) => Row[];

/** A parameter that is an array: as JavaScript has it, or in PostgreSQL's binary format (src/database/binary-array.ts). */
export const array = (value: unknown): unknown[] =>
  Buffer.isBuffer(value) ? decoded(value) : (value as unknown[]);

/** Parameters `$from`, `$from+1` … as rows, as UNNEST makes them. */
export function unnest<Shape>(
  values: readonly unknown[],
  from: number,
  names: readonly (keyof Shape)[],
): Shape[] {
  const columns = names.map((_name, index) => array(values[from - 1 + index]));
  return Array.from(
    { length: columns[0]?.length ?? 0 },
    (_row, at) => Object.fromEntries(names.map((name, index) => [name, columns[index]?.[at]])) as Shape,
  );
}

function decoded(buffer: Buffer): (string | null)[] {
  if (buffer.readInt32BE(0) === 0) return [];
  const isJsonb = buffer.readInt32BE(8) === 3802;
  const texts: (string | null)[] = [];
  for (let at = 20; at < buffer.length;) {
    const length = buffer.readInt32BE(at);
    at += 4;
    texts.push(length < 0 ? null : buffer.toString('utf8', at + (isJsonb ? 1 : 0), at + length));
    at += Math.max(0, length);
  }
  return texts;
}

export const moment = (value: Date | null): Moment | null =>
  value === null ? null : value.getTime() - EPOCH;

export const date = (at: Moment): Date => new Date(EPOCH + at);
