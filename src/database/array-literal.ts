export type Scalar = string | number | boolean | Date | Buffer | null | undefined;

/** What no array literal has to quote: ids, numbers, plain words. The word NULL would be no text. */
const PLAIN = /^(?!null$)[\w.:+@/-]+$/i;

/** `{a,b,NULL}` (PostgreSQL manual, 8.15.2); `pg` quotes and escapes each element, which costs several times as much. */
export const arrayLiteral = (values: readonly Scalar[]): string => `{${values.map(element).join(',')}}`;

function element(value: Scalar): string {
  if (value === null || value === undefined) return 'NULL';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value instanceof Date) return value.toISOString();
  if (Buffer.isBuffer(value)) return `"\\\\x${value.toString('hex')}"`;
  if (typeof value !== 'string') throw new TypeError('an array parameter holds scalars only');
  return PLAIN.test(value) ? value : `"${value.replace(/[\\"]/g, '\\$&')}"`;
}
