import { type Issue } from '../kernel/errors';
import { isJsonObject, type Json, type JsonObject } from '../kernel/json';

export const ENGINES = ['field_mapping', 'jsonata', 'liquid'] as const;
export type Engine = (typeof ENGINES)[number];

export const OUTPUT_FORMATS = ['json', 'ndjson', 'xml', 'csv', 'form', 'text', 'raw'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** What runs first, on the payload as it was submitted. */
export interface Filters {
  include_metrics: string[] | null;
  exclude_sensitive_data: boolean;
}

/** How one payload becomes another: an engine with its program, then a format. */
export interface Transform {
  engine: Engine;
  /** field_mapping: source path -> target path; jsonata and liquid: the text of the program. */
  spec: JsonObject | string;
  input_format: 'json';
  output_format: OutputFormat;
  output_schema: JsonObject | null;
  filters: Filters | null;
}

/** Where a transform comes from: the tenant's own of that name, or written out. */
export type TransformChoice = { name: string } | Transform;

export type Parsed<T> = { ok: true; value: T } | { ok: false; issues: Issue[] };

/** Bounds that hold for everybody; a program beyond them belongs into a service of its own. */
export const LIMITS = {
  expressionCharacters: 8192,
  mappings: 500,
  schemaCharacters: 65_536,
  inputBytes: 4_194_304,
  outputBytes: 4_194_304,
} as const;

const KNOWN = [
  'name',
  'description',
  'engine',
  'spec',
  'input_format',
  'output_format',
  'output_schema',
  'filters',
];
const UNSAFE = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * An inline transform, exact, or every issue with its field (`at` stands before it). Pure and cheap: the
 * program's syntax is not looked at here, because parsing a tenant's program can take 150 ms and belongs
 * into the sandbox (Transformer.check).
 */
export function parseTransform(input: unknown, at = 'transform'): Parsed<Transform> {
  if (!isJsonObject(input)) return refused(at, 'must be the name of a transform or an object');
  const filters = input['filters'] === undefined ? null : parseFilters(input['filters'], `${at}.filters`);
  const { input_format = 'json', output_format = 'json', output_schema = null } = input;
  const engine = ENGINES.find((name) => name === input['engine']);
  const format = OUTPUT_FORMATS.find((name) => name === output_format);
  const issues: Issue[] = [
    ...unknownFields(input, KNOWN, at),
    ...issueIf(engine === undefined, `${at}.engine`, `must be one of ${ENGINES.join(', ')}`),
    ...issueIf(format === undefined, `${at}.output_format`, `must be one of ${OUTPUT_FORMATS.join(', ')}`),
    ...issueIf(input_format !== 'json', `${at}.input_format`, 'must be json: a payload is a JSON object'),
    ...schemaIssues(output_schema, `${at}.output_schema`),
    ...(filters?.ok === false ? filters.issues : []),
  ];
  const spec = engine === undefined ? undefined : parseSpec(engine, input['spec'], `${at}.spec`);
  if (spec?.ok === false) issues.push(...spec.issues);
  if (issues.length > 0 || engine === undefined || format === undefined || spec?.ok !== true) {
    return { ok: false, issues };
  }
  return {
    ok: true,
    value: {
      engine,
      spec: spec.value,
      input_format: 'json',
      output_format: format,
      output_schema: output_schema as JsonObject | null,
      filters: filters?.ok === true ? filters.value : null,
    },
  };
}

/** A transform by name or written out. */
export function parseChoice(input: unknown, at = 'transform'): Parsed<TransformChoice> {
  if (typeof input !== 'string') return parseTransform(input, at);
  if (/^[a-zA-Z0-9_-]{1,100}$/.test(input)) return { ok: true, value: { name: input } };
  return refused(at, 'a name consists of letters, digits, _ and -');
}

export function parseFilters(input: unknown, at = 'filters'): Parsed<Filters> {
  if (!isJsonObject(input)) return refused(at, 'must be an object');
  const { include_metrics = null, exclude_sensitive_data = false } = input;
  const names = include_metrics === null || isNames(include_metrics);
  const issues = [
    ...unknownFields(input, ['include_metrics', 'exclude_sensitive_data'], at),
    ...issueIf(!names, `${at}.include_metrics`, 'must be a list of at most 1000 names'),
    ...issueIf(
      typeof exclude_sensitive_data !== 'boolean',
      `${at}.exclude_sensitive_data`,
      'must be true or false',
    ),
  ];
  if (issues.length > 0) return { ok: false, issues };
  return {
    ok: true,
    value: {
      include_metrics: include_metrics as string[] | null,
      exclude_sensitive_data: exclude_sensitive_data === true,
    },
  };
}

export interface TransformConfig {
  transform: TransformChoice | null;
  filters: Filters | null;
}

/**
 * A destination's own `transform_config`: a transform written out, or `{transform: name or object, filters}`.
 * An empty object is none.
 */
export function parseTransformConfig(input: JsonObject, at = 'transform_config'): Parsed<TransformConfig> {
  if ('engine' in input) {
    const parsed = parseTransform(input, at);
    if (!parsed.ok) return parsed;
    return { ok: true, value: { transform: parsed.value, filters: parsed.value.filters } };
  }
  const { transform = null, filters = null } = input;
  const choice = transform === null ? null : parseChoice(transform, `${at}.transform`);
  const chosen = filters === null ? null : parseFilters(filters, `${at}.filters`);
  const issues = [
    ...unknownFields(input, ['transform', 'filters'], at),
    ...(choice?.ok === false ? choice.issues : []),
    ...(chosen?.ok === false ? chosen.issues : []),
  ];
  if (issues.length > 0) return { ok: false, issues };
  return {
    ok: true,
    value: {
      transform: choice?.ok === true ? choice.value : null,
      filters: chosen?.ok === true ? chosen.value : null,
    },
  };
}

function parseSpec(engine: Engine, spec: Json | undefined, at: string): Parsed<JsonObject | string> {
  if (engine === 'field_mapping') return parseMapping(spec, at);
  const key = engine === 'jsonata' ? 'expression' : 'template';
  const text = isJsonObject(spec) && Object.keys(spec).length === 1 ? spec[key] : spec;
  if (typeof text !== 'string' || text === '') return refused(at, `must be the ${key}, as a text`);
  if (text.length > LIMITS.expressionCharacters) {
    return refused(at, `must be at most ${LIMITS.expressionCharacters} characters`);
  }
  return { ok: true, value: text };
}

function parseMapping(spec: Json | undefined, at: string): Parsed<JsonObject> {
  if (!isJsonObject(spec)) return refused(at, 'must be an object: source path -> target path');
  const { keep_unmapped, ...mapping } = spec;
  const entries = Object.entries(mapping);
  const issues = [
    ...issueIf(
      keep_unmapped !== undefined && typeof keep_unmapped !== 'boolean',
      `${at}.keep_unmapped`,
      'must be true or false',
    ),
    ...issueIf(entries.length === 0, at, 'maps nothing; name at least one field'),
    ...issueIf(entries.length > LIMITS.mappings, at, `maps more than ${LIMITS.mappings} fields`),
    ...entries.flatMap(([source, target]) => [
      ...issueIf(!isPath(source), `${at}.${source}`, 'is not a dotted path such as data.total'),
      ...issueIf(!isPath(target), `${at}.${source}`, 'must give a dotted path such as report.total'),
    ]),
    ...clashes(entries.flatMap(([, target]) => (typeof target === 'string' ? [target] : [])).sort(), at),
  ];
  return issues.length > 0 ? { ok: false, issues } : { ok: true, value: spec };
}

/** Two targets, one the same as or inside the other: one of them would be lost. */
function clashes(targets: readonly string[], at: string): Issue[] {
  const all = new Set<string>();
  return targets.flatMap((target) => {
    const parts = target.split('.');
    const taken = parts
      .map((_part, index) => parts.slice(0, index + 1).join('.'))
      .find((path) => all.has(path));
    all.add(target);
    return issueIf(taken !== undefined, at, `the targets ${taken} and ${target} exclude each other`);
  });
}

const isPath = (path: Json | undefined): boolean =>
  typeof path === 'string' &&
  path.length <= 500 &&
  path.split('.').every((part) => part !== '' && !UNSAFE.has(part));

const isNames = (value: Json): boolean =>
  Array.isArray(value) && value.length <= 1000 && value.every((name) => typeof name === 'string');

function schemaIssues(schema: Json, at: string): Issue[] {
  if (schema === null) return [];
  if (!isJsonObject(schema)) return [{ field: at, issue: 'must be a JSON Schema, an object' }];
  const long = JSON.stringify(schema).length > LIMITS.schemaCharacters;
  return issueIf(long, at, `must be at most ${LIMITS.schemaCharacters} characters`);
}

const unknownFields = (input: JsonObject, known: readonly string[], at: string): Issue[] =>
  Object.keys(input)
    .filter((name) => !known.includes(name))
    .map((name) => ({
      field: `${at}.${name}`,
      issue: 'is not a known field; remove it or correct its name',
    }));

const issueIf = (applies: boolean, field: string, issue: string): Issue[] =>
  applies ? [{ field, issue }] : [];

const refused = (field: string, issue: string): { ok: false; issues: Issue[] } => ({
  ok: false,
  issues: [{ field, issue }],
});
