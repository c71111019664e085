import { gunzipSync } from 'node:zlib';
import { isJsonObject, type Json, type JsonObject } from '../../kernel/json';
import { type Delivery } from '../port';
import { type AttachmentConfiguration, type AttachmentFormat } from './schema';

export interface Content {
  bytes: Buffer;
  contentType: string;
}

const TYPES: Readonly<Record<Exclude<AttachmentFormat, 'as_is'>, { type: string; is: RegExp }>> = {
  json: { type: 'application/json', is: /^application\/([\w.-]+\+)?json\b/i },
  csv: { type: 'text/csv; charset=utf-8', is: /^text\/csv\b/i },
  xml: { type: 'application/xml', is: /^(application|text)\/([\w.-]+\+)?xml\b/i },
};

/** The job uncompressed: a mail reader would not unpack it. */
export const ownContent = (delivery: Delivery): Content => ({
  bytes: delivery.contentEncoding === 'gzip' ? gunzipSync(delivery.body) : delivery.body,
  contentType: delivery.contentType,
});

/** What is attached: the job as it is where it has the format already, otherwise made of the payload. */
export function attachmentContent(
  { format = 'as_is', rows }: AttachmentConfiguration,
  delivery: Delivery,
): Content {
  if (format === 'as_is' || TYPES[format].is.test(delivery.contentType)) return ownContent(delivery);
  return { bytes: Buffer.from(write(format, rows, delivery.payload)), contentType: TYPES[format].type };
}

/** Ending of a file's name by its content type; `bin` for what is not known here. */
export function fileEnding(contentType: string): string {
  if (/ndjson/i.test(contentType)) return 'ndjson';
  const known = Object.entries(TYPES).find(([, { is }]) => is.test(contentType))?.[0];
  return known ?? (/^text\//i.test(contentType) ? 'txt' : 'bin');
}

function write(
  format: Exclude<AttachmentFormat, 'as_is'>,
  rows: string | undefined,
  payload: JsonObject,
): string {
  switch (format) {
    case 'json':
      return JSON.stringify(payload);
    case 'csv':
      return csv(rowsOf(payload, rows));
    case 'xml':
      return `<?xml version="1.0" encoding="UTF-8"?>\n${element('payload', payload)}\n`;
  }
}

/** A path that leads to no array gives no lines: the header of nothing. */
function rowsOf(payload: JsonObject, path: string | undefined): JsonObject[] {
  if (path === undefined) return [payload];
  let value: Json | undefined = payload;
  for (const step of path.split('.')) {
    value = isJsonObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
  }
  return Array.isArray(value) ? value.map((row) => (isJsonObject(row) ? row : { value: row })) : [];
}

/** One column for each field of any row, in the order of their first appearance; nested values as JSON. */
function csv(rows: readonly JsonObject[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cell = (value: Json | undefined): string => {
    if (value === undefined || value === null) return '';
    return typeof value === 'object' ? JSON.stringify(value) : String(value);
  };
  const lines = rows.map((row) =>
    columns.map((name) => cell(Object.hasOwn(row, name) ? row[name] : undefined)),
  );
  return [columns, ...lines].map((line) => `${line.map(csvCell).join(',')}\r\n`).join('');
}

/** RFC 4180: quoted where it must be. */
const csvCell = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

const XML_NAME = /^(?!xml)[A-Za-z_][\w.-]*$/i;

/** Elements of an array repeat its name; a name that XML does not allow becomes an attribute. */
function element(name: string, value: Json): string {
  if (Array.isArray(value)) return value.map((item) => element(name, item)).join('');
  const [open, close] = XML_NAME.test(name) ? [name, name] : [`field name="${xmlText(name)}"`, 'field'];
  const inner = isJsonObject(value)
    ? Object.entries(value)
        .map(([child, item]) => element(child, item))
        .join('')
    : xmlText(value === null ? '' : String(value));
  return `<${open}>${inner}</${close}>`;
}

/** XML 1.0 has no way to write most control characters. */
const xmlText = (text: string): string =>
  text
    .replace(/[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
    .replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
