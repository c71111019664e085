import { type Json } from '../kernel/json';
import { type Delivery } from './port';

/** What placeholders are filled from; a whole delivery fits. */
export type TemplateSource = Pick<
  Delivery,
  | 'tenantId'
  | 'distributionId'
  | 'dataType'
  | 'destinationName'
  | 'deliveryId'
  | 'correlationId'
  | 'acceptedAt'
  | 'payload'
>;

export type Rendered = { ok: true; value: string } | { ok: false; issue: string };

/** Makes a value harmless for the place where it lands, or undefined when the place cannot take it. */
export type Escape = (value: string) => string | undefined;

export interface Template {
  /** Set when there is nothing to fill in: rendering it costs nothing. */
  readonly constant: string | undefined;
  render(source: TemplateSource): Rendered;
}

export type ParsedTemplate = { ok: true; template: Template } | { ok: false; issue: string };

/** Text that stands as it is, or a placeholder: its name for messages and the value it reads. */
type Piece = string | { name: string; trusted: boolean; read(source: TemplateSource): string | undefined };

const FIELDS: Readonly<Record<string, (source: TemplateSource) => string>> = {
  tenant_id: (source) => source.tenantId,
  distribution_id: (source) => source.distributionId,
  data_type: (source) => source.dataType,
  destination_name: (source) => source.destinationName,
  delivery_id: (source) => source.deliveryId,
  correlation_id: (source) => source.correlationId,
};

const KNOWN = `${Object.keys(FIELDS)
  .map((name) => `{${name}}`)
  .join(', ')}, {date:yyyy/MM/dd}, {payload.field}`;

/**
 * Compiles a text with placeholders. `{{` and `}}` stand for single braces; any other brace outside a
 * placeholder is an issue, so that a misspelt placeholder is found when the configuration is stored.
 * `literal` treats the author's own text (default: as it is), `escape` each value from a delivery.
 *
 * A value that a delivery lacks, or that is an object or array, makes `render` fail: a guess would send the
 * data to a wrong place. The adapter refuses such a delivery with CONFIGURATION_INVALID, for a repeat would
 * render the same. Dates are in UTC and of the job's acceptance, so that a repeat renders the same name.
 */
export function parseTemplate(
  text: string,
  escape: Escape,
  literal: (text: string) => string = (same) => same,
): ParsedTemplate {
  const pieces: Piece[] = [];
  for (const token of text.match(/\{\{|\}\}|\{[^{}]*\}|[{}]|[^{}]+/g) ?? []) {
    if (token === '{' || token === '}') {
      return {
        ok: false,
        issue: `has a single ${token}; close the placeholder, or write ${token}${token} for a brace`,
      };
    }
    if (token === '{{' || token === '}}') pieces.push(literal(token.charAt(0)));
    else if (!token.startsWith('{')) pieces.push(literal(token));
    else {
      const piece = placeholder(token.slice(1, -1));
      if (typeof piece === 'string') return { ok: false, issue: piece };
      pieces.push(piece);
    }
  }
  return { ok: true, template: compiled(pieces, escape) };
}

function compiled(pieces: readonly Piece[], escape: Escape): Template {
  if (pieces.every((piece) => typeof piece === 'string')) {
    const constant = pieces.join('');
    const rendered: Rendered = { ok: true, value: constant };
    return { constant, render: () => rendered };
  }
  return { constant: undefined, render: (source) => fill(pieces, escape, source) };
}

function fill(pieces: readonly Piece[], escape: Escape, source: TemplateSource): Rendered {
  let value = '';
  for (const piece of pieces) {
    if (typeof piece === 'string') {
      value += piece;
      continue;
    }
    const read = piece.read(source);
    if (read === undefined) return { ok: false, issue: `the job has no text or number for {${piece.name}}` };
    const part = piece.trusted ? read : escape(wellFormed(read));
    if (part === undefined)
      return { ok: false, issue: `the job's value for {${piece.name}} cannot stand here` };
    value += part;
  }
  return { ok: true, value };
}

function placeholder(name: string): Exclude<Piece, string> | string {
  const field = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
  if (field !== undefined) return { name, trusted: false, read: field };
  if (name.startsWith('date:')) return datePlaceholder(name, name.slice('date:'.length));
  if (name.startsWith('payload.')) {
    const path = name.slice('payload.'.length).split('.');
    if (path.every((part) => part !== '')) {
      return { name, trusted: false, read: (source) => valueAt(source.payload, path) };
    }
  }
  return `has the unknown placeholder {${name}}; use one of ${KNOWN}, or write {{ and }} for braces`;
}

function datePlaceholder(name: string, format: string): Exclude<Piece, string> | string {
  // What stands between the tokens is the author's, but only what every landing place can take unescaped.
  if (!/^(yyyy|MM|dd|HH|mm|ss|[/\-_.:TZ])+$/.test(format)) {
    return `has the date format "${format}"; combine yyyy, MM, dd, HH, mm, ss with / - _ . : T Z, e.g. {date:yyyy/MM/dd}`;
  }
  return { name, trusted: true, read: (source) => formatDate(source.acceptedAt, format) };
}

function formatDate(date: Date, format: string): string {
  const iso = date.toISOString();
  const parts: Readonly<Record<string, string>> = {
    yyyy: iso.slice(0, 4),
    MM: iso.slice(5, 7),
    dd: iso.slice(8, 10),
    HH: iso.slice(11, 13),
    mm: iso.slice(14, 16),
    ss: iso.slice(17, 19),
  };
  return format.replace(/yyyy|MM|dd|HH|mm|ss/g, (token) => parts[token] ?? token);
}

/** The text, number or truth value at a path of own properties and array indexes (not an array's length). */
function valueAt(payload: Json, path: readonly string[]): string | undefined {
  let value: Json | undefined = payload;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    if (!Object.prototype.propertyIsEnumerable.call(value, part)) return undefined;
    value = (value as Record<string, Json>)[part];
  }
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined;
}

/** JSON may hold halves of surrogate pairs, which no encoding can carry: they become U+FFFD. */
const wellFormed = (text: string): string => text.replace(/\p{Surrogate}/gu, '\uFFFD');

/** One step of a URL's path: slashes and quotes percent-encoded; refuses what is empty or climbs (`..`). */
export const escapePathStep: Escape = (value) => (/^\.{0,2}$/.test(value) ? undefined : percentEncode(value));

/** A name or value in a URL's query. */
export const escapeQuery: Escape = (value) => percentEncode(value);

/**
 * A header's value: printable ASCII as it is; all else, CR and LF included, percent-encoded as UTF-8, and the
 * percent sign too, so that a receiver can decode it without guessing.
 */
export const escapeHeader: Escape = (value) =>
  /^[\x20-\x24\x26-\x7e]*$/.test(value)
    ? value
    : value.replace(/[^\x20-\x24\x26-\x7e]/gu, (character) => encodeURIComponent(character));

const percentEncode = (value: string): string =>
  encodeURIComponent(value).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
