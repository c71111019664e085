import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import { RE2JS } from 're2js';
import { type Issue } from '../kernel/errors';
import { isJsonObject, type Json, type JsonObject } from '../kernel/json';
import { Budget, COUNTER, TooCostly, withCounters } from './schema-budget';

/** Says everything that is wrong with a payload; an empty list means nothing. */
export type PayloadCheck = (payload: JsonObject) => Issue[];

export type CompiledSchema = { ok: true; check: PayloadCheck } | { ok: false; issues: Issue[] };

const MOST_CHARACTERS = 262_144;
const MOST_ISSUES = 50;
/** Comparing all pairs is quadratic; only a list of bounded length is compared. */
const MOST_UNIQUE = 1_000;
/** Beyond this a payload that is refused is told its first fault only. */
const MOST_VALUES = 10_000;

/**
 * JSON Schema 2020-12. Regular expressions run in linear time (RE2), which is why look-around and back references are
 * refused; references go to the schema itself only.
 */
export function compileSchema(schema: JsonObject, at = 'schema_definition'): CompiledSchema {
  const issues = costIssues(schema, at);
  if (issues.length > 0) return { ok: false, issues };
  try {
    const budget = new Budget();
    const counted = withCounters(schema);
    const first = compiler(false, budget).compile(counted);
    let all: ValidateFunction | undefined;
    const check = (payload: JsonObject): Issue[] => {
      if (budget.runs(first, payload)) return [];
      if (!isSmall(payload)) return issuesOf(first.errors, payload);
      all ??= compiler(true, budget).compile(counted);
      budget.runs(all, payload);
      return issuesOf(all.errors ?? first.errors, payload);
    };
    return { ok: true, check: (payload) => orTooCostly(() => check(payload)) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unreadable';
    return { ok: false, issues: [{ field: at, issue: `is not a usable JSON Schema 2020-12: ${reason}` }] };
  }
}

/** One of its own for each schema: an `$id` of one tenant must not meet that of another. */
function compiler(allErrors: boolean, budget: Budget): Ajv2020 {
  const ajv = new Ajv2020({
    allErrors,
    strict: false,
    ownProperties: true,
    // A large definition that is referred to often must not be copied as often.
    inlineRefs: false,
    code: { regExp: linearRegExp },
  });
  addFormats(ajv);
  ajv.addKeyword({ keyword: 'x-sensitive', schemaType: 'boolean' });
  ajv.addKeyword({
    keyword: COUNTER,
    schemaType: 'boolean',
    validate: budget.step,
    errors: false,
    // Before whatever could fail, and so keep it from being counted.
    before: '$ref',
  });
  return ajv;
}

function orTooCostly(check: () => Issue[]): Issue[] {
  try {
    return check();
  } catch (error) {
    // The stack ends where a schema refers to itself without going deeper into the payload.
    if (!(error instanceof TooCostly || error instanceof RangeError)) throw error;
    const issue =
      'would take too long to check: the schema of the data type comes to the same values again and again ' +
      '(anyOf, oneOf, allOf, $ref inside one another); simplify it';
    return [{ field: 'payload', issue }];
  }
}

const linearRegExp = Object.assign(
  (pattern: string) => {
    const compiled = RE2JS.compile(pattern);
    return {
      test: (text: string): boolean => compiled.matcher(text).find(),
      // ajv takes expressions of the same text for one.
      toString: (): string => pattern,
    };
  },
  { code: 'linearRegExp' },
);

function costIssues(schema: JsonObject, at: string): Issue[] {
  const { length } = JSON.stringify(schema);
  if (length > MOST_CHARACTERS) {
    return [{ field: at, issue: `has ${length} characters, more than ${MOST_CHARACTERS}: shorten it` }];
  }
  const issues: Issue[] = [];
  visit(schema, at, (part, field) => {
    if (part['uniqueItems'] !== true) return;
    const most = part['maxItems'];
    if (typeof most === 'number' && most <= MOST_UNIQUE) return;
    issues.push({
      field: `${field}.uniqueItems`,
      issue: `needs maxItems of at most ${MOST_UNIQUE} beside it`,
    });
  });
  return issues;
}

function visit(value: Json, at: string, each: (part: JsonObject, at: string) => void): void {
  if (Array.isArray(value)) value.forEach((item, index) => visit(item, `${at}[${index}]`, each));
  else if (isJsonObject(value)) {
    each(value, at);
    for (const [name, part] of Object.entries(value)) visit(part, `${at}.${name}`, each);
  }
}

function isSmall(payload: JsonObject): boolean {
  let left = MOST_VALUES;
  const stack: Json[] = [payload];
  for (let value = stack.pop(); value !== undefined; value = stack.pop()) {
    if (--left < 0) return false;
    if (typeof value === 'object' && value !== null) {
      for (const part of Object.values(value)) stack.push(part);
    }
  }
  return true;
}

function issuesOf(errors: readonly ErrorObject[] | null | undefined, payload: JsonObject): Issue[] {
  const issues = (errors ?? []).slice(0, MOST_ISSUES).map((error) => ({
    field: fieldOf(placeOf(error), payload),
    issue: wordsOf(error),
  }));
  return issues.length > 0 ? issues : [{ field: 'payload', issue: 'does not fit the data type' }];
}

/** The JSON pointer of what is missing, too much or wrong. */
function placeOf({ instancePath, params }: ErrorObject): string {
  const { missingProperty, additionalProperty, unevaluatedProperty } = params as Record<string, unknown>;
  const name = missingProperty ?? additionalProperty ?? unevaluatedProperty;
  if (typeof name !== 'string') return instancePath;
  return `${instancePath}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** `/a/0/b` -> `payload.a[0].b`; a digit is an index only where the payload has a list. */
export function fieldOf(pointer: string, payload: JsonObject): string {
  let field = 'payload';
  let value: Json | undefined = payload;
  for (const token of pointer.split('/').slice(1)) {
    const name = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(value)) {
      field += `[${name}]`;
      value = value[Number(name)];
    } else {
      field += `.${name}`;
      value = isJsonObject(value) ? value[name] : undefined;
    }
  }
  return field;
}

function wordsOf({ keyword, message = 'does not fit the data type', params }: ErrorObject): string {
  const { allowedValues, allowedValue } = params as Record<string, unknown>;
  switch (keyword) {
    case 'required':
      return 'is required by the data type';
    case 'additionalProperties':
    case 'unevaluatedProperties':
      return 'is not a field of the data type; remove it or correct its name';
    case 'enum':
      return `must be one of ${JSON.stringify(allowedValues)}`;
    case 'const':
      return `must be ${JSON.stringify(allowedValue)}`;
    default:
      return message;
  }
}
