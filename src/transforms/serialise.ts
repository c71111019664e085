import { stringify } from 'csv-stringify/sync';
import { isJsonObject, type Json, type JsonObject } from '../kernel/json';
import { TransformFailure } from './failure';
import { type OutputFormat } from './transform';
import { toXml } from './xml';

export const CONTENT_TYPES: Record<OutputFormat, string> = {
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  xml: 'application/xml',
  csv: 'text/csv; charset=utf-8',
  form: 'application/x-www-form-urlencoded',
  text: 'text/plain; charset=utf-8',
  raw: 'application/octet-stream',
};

/** The second step: a value in the words of a format. Pure; throws TransformFailure where the format cannot say it. */
export function serialise(value: Json, format: OutputFormat): string {
  switch (format) {
    case 'json':
      return JSON.stringify(value);
    case 'ndjson':
      return listed(value)
        .map((item) => `${JSON.stringify(item)}\n`)
        .join('');
    case 'xml':
      return toXml(value);
    case 'csv':
      return toCsv(listed(value));
    case 'form':
      return toForm(value);
    case 'text':
    case 'raw':
      return asText(value);
  }
}

const listed = (value: Json): Json[] => (Array.isArray(value) ? value : [value]);

/** A text as it is; everything else in JSON. */
const asText = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** One row for each object under the names of all of them, or for each list of cells. RFC 4180. */
function toCsv(rows: Json[]): string {
  const names = new Set(rows.flatMap((row) => (isJsonObject(row) ? Object.keys(row) : [])));
  if (names.size === 0 && rows.every(Array.isArray)) return lines(rows.map((row) => row.map(cell)));
  const objects = rows.filter(isJsonObject);
  if (objects.length < rows.length) {
    throw new TransformFailure('csv needs an object, a list of objects, or a list of lists');
  }
  return lines([[...names], ...objects.map((row) => [...names].map((name) => cell(own(row, name))))]);
}

const lines = (cells: string[][]): string => stringify(cells, { record_delimiter: 'windows' });

const own = (row: JsonObject, name: string): Json => (Object.hasOwn(row, name) ? (row[name] ?? null) : null);

const cell = (value: Json): string => (value === null ? '' : asText(value));

/** A list gives its name once for each element; what is nested stands in JSON. */
function toForm(value: Json): string {
  if (!isJsonObject(value)) throw new TransformFailure('form needs an object');
  const fields = new URLSearchParams();
  for (const [name, field] of Object.entries(value)) {
    for (const one of listed(field)) fields.append(name, cell(one));
  }
  return fields.toString();
}
