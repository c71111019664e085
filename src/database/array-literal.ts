export type Scalar = string | number | boolean | Date | Buffer | null | undefined;

/** What no array literal has to quote: ids, numbers, plain words. The word NULL would be no text. */
const PLAIN = /^(?!null$)[\w.:+@/-]+$/i;

/** `{a,b,NULL}` (PostgreSQL manual, 8.15.2); `pg` quotes and escapes each element, which costs several times as much. */
export const arrayLiteral = (values: readonly Scalar[]): string => `{${values.map(element).join(',')}}`;

function element(value: Scalar): string {
  if (value === null || value === undefined) return 'NULL';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value instanceof Date) return instant(value);
  if (Buffer.isBuffer(value)) return `"\\\\x${value.toString('hex')}"`;
  if (typeof value !== 'string') throw new TypeError('an array parameter holds scalars only');
  return PLAIN.test(value) ? value : `"${value.replace(/[\\"]/g, '\\$&')}"`;
}

/** PostgreSQL counts no year 0 and writes those before its year 1 as BC (manual, 8.5.1). */
function instant(value: Date): string {
  const iso = value.toISOString();
  const year = value.getUTCFullYear();
  if (year >= 1 && year <= 9999) return iso;
  const rest = iso.slice(iso.indexOf('-', 1));
  return year > 9999 ? `${year}${rest}` : `"${String(1 - year).padStart(4, '0')}${rest} BC"`;
}
