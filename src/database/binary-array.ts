const JSONB_OID = 3802;
const TEXT_OID = 25;
const JSONB_VERSION = 1;

/**
 * A `jsonb[]` parameter of JSON texts, in PostgreSQL's binary format (array_recv, jsonb_recv in its source). As an
 * array literal every quotation mark of every document would be escaped here and unescaped there: for documents of a
 * kilobyte that costs more than all other parameters together.
 */
export const jsonbArray = (texts: readonly (string | null)[]): Buffer => encoded(texts, JSONB_OID, 1);

/** A `text[]` parameter in the same way. */
export const textArray = (texts: readonly (string | null)[]): Buffer => encoded(texts, TEXT_OID, 0);

/** One dimension from 1: its header, then each element as length and bytes; a null has the length -1. */
function encoded(texts: readonly (string | null)[], oid: number, versionBytes: 0 | 1): Buffer {
  const lengths = texts.map((text) => (text === null ? 0 : versionBytes + Buffer.byteLength(text)));
  const buffer = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + 4 + length, 20));
  buffer.writeInt32BE(texts.length === 0 ? 0 : 1, 0);
  buffer.writeInt32BE(texts.includes(null) ? 1 : 0, 4);
  buffer.writeInt32BE(oid, 8);
  if (texts.length === 0) return buffer.subarray(0, 12);
  buffer.writeInt32BE(texts.length, 12);
  buffer.writeInt32BE(1, 16);
  let at = 20;
  texts.forEach((text, index) => {
    const length = lengths[index] ?? 0;
    at = buffer.writeInt32BE(text === null ? -1 : length, at);
    if (text === null) return;
    if (versionBytes === 1) buffer[at] = JSONB_VERSION;
    buffer.write(text, at + versionBytes);
    at += length;
  });
  return buffer;
}
