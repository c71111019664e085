import { isUtf8 } from 'node:buffer';
import { type Json } from '../../kernel/json';
import { type ColumnValue } from './mapping';
import { type DialectName } from './url';

/** What drivers are given: nothing whose conversion would be theirs to decide. */
export type SqlValue = string | number | boolean | Buffer | null;

/** Data types by column name, lower case, as the database's catalogue names them; empty where nobody asked. */
export type ColumnTypes = ReadonlyMap<string, string>;

const NO_TYPES: ColumnTypes = new Map();

/** RFC 3339 with a time zone, the form that JSON uses and that MySQL does not take. */
const TIMESTAMP = /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/;

/** Whether the way of writing a value depends on its column, so that the catalogue must be asked. */
export function needsType(dialect: DialectName, value: ColumnValue): boolean {
  if (dialect === 'postgresql') return Array.isArray(value) || Buffer.isBuffer(value);
  return dialect === 'mysql' && typeof value === 'string' && value.length < 40 && TIMESTAMP.test(value);
}

/** PostgreSQL reads these from bytes as they are, which saves a large body two copies. */
const TAKES_BYTES = new Set(['text', 'character varying', 'json', 'bytea']);

/**
 * The value as it is bound. Bytes that are text become text, unless the column takes them as they are. Objects and arrays become JSON text, on PostgreSQL an array for an array column;
 * truth values 1 and 0 where the database has none; timestamps UTC where it cannot read a zone.
 */
export function toSqlValue(
  dialect: DialectName,
  value: ColumnValue,
  column?: string,
  types: ColumnTypes = NO_TYPES,
): SqlValue {
  if (value === null || typeof value === 'number') return value;
  const type = column === undefined ? undefined : types.get(column.toLowerCase());
  if (Buffer.isBuffer(value))
    return TAKES_BYTES.has(type ?? '') || !isUtf8(value) ? value : value.toString('utf8');
  if (typeof value === 'string') {
    const isMoment = dialect === 'mysql' && (type === 'datetime' || type === 'timestamp');
    return isMoment ? inUtc(value) : value;
  }
  if (typeof value === 'boolean') return dialect === 'mysql' || dialect === 'oracle' ? Number(value) : value;
  if (Array.isArray(value) && type === 'array') return arrayLiteral(value);
  return JSON.stringify(value);
}

/** `2026-03-09T10:11:12.5+01:00` -> `2026-03-09 09:11:12.5`; what is no timestamp stays. */
function inUtc(text: string): string {
  const [, , , fraction = ''] = TIMESTAMP.exec(text) ?? [];
  const time = TIMESTAMP.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) return text;
  return new Date(time).toISOString().slice(0, 19).replace('T', ' ') + fraction.slice(0, 7);
}

/** PostgreSQL's own writing of arrays: every element quoted, NULL bare; objects inside as JSON text. */
function arrayLiteral(values: readonly Json[]): string {
  const element = (value: Json): string => {
    if (value === null) return 'NULL';
    if (Array.isArray(value)) return arrayLiteral(value);
    const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
    return `"${text.replace(/["\\]/g, (character) => `\\${character}`)}"`;
  };
  return `{${values.map(element).join(',')}}`;
}

/** Size of a value as it is bound, in bytes and without the protocol's own. */
export function sizeOf(value: ColumnValue): number {
  if (value === null) return 0;
  if (Buffer.isBuffer(value)) return value.length;
  return Buffer.byteLength(typeof value === 'object' ? JSON.stringify(value) : String(value));
}
