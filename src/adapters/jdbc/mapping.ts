import { type Json, type JsonObject, isJsonObject } from '../../kernel/json';
import { type Delivery } from '../port';
import { parseTemplate } from '../template';
import { type JdbcConfiguration } from './schema';

/** A value on its way to a column; bytes for the job in its own format. */
export type ColumnValue = Json | Buffer;

export type Read = { ok: true; value: ColumnValue } | { ok: false; issue: string };
/** Takes a value from a delivery and one of its rows. */
export type Source = (delivery: Delivery, row: JsonObject) => Read;

export type ParsedSource =
  { ok: true; source: Source; field: string | undefined } | { ok: false; issue: string };

/**
 * What a column gets, from the text in `columns`: a path in the row, `$.` and a path from the top of the
 * payload, or a template. A path that leads nowhere gives NULL; a placeholder that does is an issue.
 */
export function parseSource(text: string): ParsedSource {
  if (text === '{body}')
    return { ok: true, source: (delivery) => ({ ok: true, value: delivery.body }), field: undefined };
  if (/[{}]/.test(text)) {
    const parsed = parseTemplate(text, (value) => value);
    if (!parsed.ok) return parsed;
    return { ok: true, source: (delivery) => parsed.template.render(delivery), field: payloadField(text) };
  }
  const fromTop = text === '$' || text.startsWith('$.');
  const path = (fromTop ? text.slice(2) : text).split('.');
  if (text !== '$' && path.some((part) => part === '')) {
    return { ok: false, issue: 'has an empty step; write a path such as order.id or items.0.sku' };
  }
  if (text === '$')
    return { ok: true, source: (delivery) => ({ ok: true, value: delivery.payload }), field: undefined };
  return {
    ok: true,
    source: (delivery, row) => ({ ok: true, value: valueAt(fromTop ? delivery.payload : row, path) ?? null }),
    field: path[0],
  };
}

const payloadField = (text: string): string | undefined => /^\{payload\.([^.{}]+)[^{}]*\}$/.exec(text)?.[1];

/** The value at a path of own properties and indexes; undefined where it leads nowhere. */
export function valueAt(from: Json, path: readonly string[]): Json | undefined {
  let value: Json | undefined = from;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    if (!Object.prototype.propertyIsEnumerable.call(value, part)) return undefined;
    value = (value as Record<string, Json>)[part];
  }
  return value;
}

export type Rows = { ok: true; rows: JsonObject[] } | { ok: false; issue: string };

/** The rows of a delivery: the payload itself, or the objects of the array at `path`. */
export function rowsOf(payload: JsonObject, path: string | undefined): Rows {
  if (path === undefined) return { ok: true, rows: [payload] };
  const found = path === '$' ? payload : valueAt(payload, path.replace(/^\$\./, '').split('.'));
  if (!Array.isArray(found)) return { ok: false, issue: `rows: the job has no array at ${path}` };
  const odd = found.findIndex((row) => !isJsonObject(row));
  if (odd !== -1) return { ok: false, issue: `rows: element ${odd + 1} of ${path} is no object` };
  return { ok: true, rows: found as JsonObject[] };
}

/** The rows of a delivery as values, each in the order of `columns`. */
export interface Table {
  columns: string[];
  values: ColumnValue[][];
}

export type Mapped = { ok: true; table: Table } | { ok: false; issue: string };

/** What fills the columns, compiled once for a destination. */
export interface Mapping {
  /** Undefined where every field goes to the column of its name. */
  sources: [string, Source][] | undefined;
  fields: ReadonlySet<string>;
  failUnmapped: boolean;
  isRowWise: boolean;
  deliveryIdColumn: string | undefined;
  rowNumberColumn: string | undefined;
}

/** Throws for a configuration that `parse` would have refused. */
export function compileMapping(configuration: JdbcConfiguration): Mapping {
  const parsed = Object.entries(configuration.columns ?? {}).map(([name, text]) => {
    const source = parseSource(text);
    if (!source.ok) throw new Error(`columns.${name} ${source.issue}`);
    return { name, ...source };
  });
  return {
    sources:
      configuration.columns === undefined ? undefined : parsed.map(({ name, source }) => [name, source]),
    fields: new Set(parsed.flatMap(({ field }) => field ?? [])),
    failUnmapped: configuration.unmapped === 'fail',
    isRowWise: configuration.rows !== undefined,
    deliveryIdColumn: configuration.delivery_id_column,
    rowNumberColumn: configuration.row_number_column,
  };
}

/** Fills the columns. Every row has the same ones: a field that only some rows have is NULL in the others. */
export function mapRows(mapping: Mapping, delivery: Delivery, rows: readonly JsonObject[]): Mapped {
  const sources = mapping.sources ?? namesOf(rows).map((name): [string, Source] => [name, ownField(name)]);
  const columns = sources.map(([name]) => name);
  const table: Table = { columns, values: [] };
  for (const row of rows) {
    const values: ColumnValue[] = [];
    const unmapped = unmappedField(mapping, row);
    if (unmapped !== undefined) return { ok: false, issue: `no column takes the field "${unmapped}"` };
    for (const [name, source] of sources) {
      const read = source(delivery, row);
      if (!read.ok) return { ok: false, issue: `columns.${name}: ${read.issue}` };
      values.push(read.value);
    }
    table.values.push(values);
  }
  addIds(mapping, delivery, table);
  return { ok: true, table };
}

function unmappedField(mapping: Mapping, row: JsonObject): string | undefined {
  if (!mapping.failUnmapped || mapping.sources === undefined) return undefined;
  return Object.keys(row).find((name) => !mapping.fields.has(name));
}

const namesOf = (rows: readonly JsonObject[]): string[] => [
  ...new Set(rows.flatMap((row) => Object.keys(row))),
];

const ownField =
  (name: string): Source =>
  (_delivery, row) => ({ ok: true, value: valueAt(row, [name]) ?? null });

/**
 * The id of the delivery, once: in a column of its own for a single row; with the row's number beside it or,
 * where there is no column for that, behind it (`<id>:1`).
 */
function addIds(mapping: Mapping, delivery: Delivery, table: Table): void {
  const { deliveryIdColumn, rowNumberColumn } = mapping;
  const set = (name: string, value: (index: number) => ColumnValue): void => {
    const at = table.columns.indexOf(name);
    if (at === -1) table.columns.push(name);
    table.values.forEach(
      (values, index) => (values[at === -1 ? table.columns.length - 1 : at] = value(index)),
    );
  };
  if (deliveryIdColumn === undefined) return;
  const id = delivery.deliveryId;
  const plain = !mapping.isRowWise || rowNumberColumn !== undefined;
  set(deliveryIdColumn, (index) => (plain ? id : `${id}:${index + 1}`));
  if (rowNumberColumn !== undefined) set(rowNumberColumn, (index) => index + 1);
}
