import { type Issue } from '../kernel/errors';
import { type Json, type JsonObject, isJsonObject } from '../kernel/json';
import { type Parsed } from './port';

/** What stands for a secret in every answer; sent back on an update, it means "keep the stored one". */
export const MASK = '********';

/** One secret of a configuration; a reference `{"env": "NAME"}` is no secret and not among them. */
export interface Secret {
  path: string[];
  value: string;
}

/**
 * Where a schema allows secrets, e.g. `auth.token`, `headers.<name>`; for documentation and forms. Schemas
 * are walked through properties, patternProperties, additionalProperties, items and oneOf/anyOf/allOf; `$ref`
 * is not followed, so a schema with secrets must not use it.
 */
export function secretPaths(schema: JsonObject, prefix: readonly string[] = []): string[] {
  if (schema['x-secret'] === true) return [prefix.join('.')];
  const nested = [
    ...Object.entries(objectAt(schema, 'properties')),
    ...Object.values(objectAt(schema, 'patternProperties')).map((child) => ['<name>', child] as const),
    ...['additionalProperties', 'items'].map((keyword) => ['<name>', schema[keyword]] as const),
  ].flatMap(([name, child]) => (isJsonObject(child) ? secretPaths(child, [...prefix, name]) : []));
  return [...new Set([...nested, ...branchesOf(schema).flatMap((branch) => secretPaths(branch, prefix))])];
}

/** The secrets that a configuration holds, each once, even where several branches of a schema mark it. */
export function secretsIn(configuration: JsonObject, schema: JsonObject): Secret[] {
  const found = new Map<string, Secret>();
  visit(configuration, schema, [], (path, value) => {
    for (const secret of stringsIn(value, path)) found.set(JSON.stringify(secret.path), secret);
  });
  return [...found.values()];
}

/** The texts alone, for hiding them in what a receiver echoes. */
export const secretTexts = (configuration: object, schema: JsonObject): string[] =>
  secretsIn(configuration as JsonObject, schema).map(({ value }) => value);

/** A copy with each secret replaced by `fn`: sealing before it is stored, unsealing before it is used. */
export function mapSecrets(
  configuration: JsonObject,
  schema: JsonObject,
  fn: (secret: string, path: string) => string,
): JsonObject {
  const copy = structuredClone(configuration);
  for (const { path, value } of secretsIn(configuration, schema)) put(copy, path, fn(value, path.join('.')));
  return copy;
}

/** The configuration as it may be shown: secrets masked, references to environment variables left readable. */
export const mask = (configuration: JsonObject, schema: JsonObject): JsonObject =>
  mapSecrets(configuration, schema, () => MASK);

/**
 * An update as it was meant: where `next` carries the mask, the secret of `previous` at the same place; unless an
 * address beside it or above it (a field marked `x-address`) is another now, for whoever may not read a secret
 * could have it sent to himself. A mask with nothing behind it stays and is refused by the adapter's `parse`.
 */
export function restoreMasked(
  next: JsonObject,
  previous: JsonObject,
  schema: JsonObject,
): Parsed<JsonObject> {
  const stored = new Map(secretsIn(previous, schema).map(({ path, value }) => [path.join('\n'), value]));
  const moved = changedAddresses(next, previous, schema);
  const copy = structuredClone(next);
  const issues: Issue[] = [];
  for (const { path, value } of secretsIn(next, schema)) {
    const kept = stored.get(path.join('\n'));
    if (value !== MASK || kept === undefined) continue;
    const address = moved.find((one) => one.slice(0, -1).every((part, index) => part === path[index]));
    if (address === undefined) put(copy, path, kept);
    else {
      const issue = `give the secret again: ${address.join('.')} changed, and a stored secret does not go to another address`;
      issues.push({ field: ['configuration', ...path].join('.'), issue });
    }
  }
  return issues.length === 0 ? { ok: true, value: copy } : { ok: false, issues };
}

/** Paths of the addresses that came, went or are others; the mask of one that is a secret stands for the same. */
function changedAddresses(next: JsonObject, previous: JsonObject, schema: JsonObject): string[][] {
  const before = addressesIn(previous, schema);
  const after = addressesIn(next, schema);
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((key) => {
      const value = after.get(key);
      return value !== before.get(key) && !(value === JSON.stringify(MASK) && before.has(key));
    })
    .map((key) => key.split('\n'));
}

function addressesIn(configuration: JsonObject, schema: JsonObject): Map<string, string> {
  const found = new Map<string, string>();
  const note: Visitor = (path, value) => void found.set(path.join('\n'), JSON.stringify(value));
  visit(configuration, schema, [], note, isAddress);
  return found;
}

/** A mark on an object says that fields inside are marked, too. */
const isAddress = (schema: JsonObject): boolean =>
  schema['x-address'] === true && (schema['x-secret'] === true || schema['properties'] === undefined);

/**
 * A copy with every reference (`{"env": "NAME"}`, or a property such as `token_env_var`) replaced by the
 * variable's value. Only names on the allow-list (`NAME` or `PREFIX_*`) are read: otherwise a tenant could
 * read the service's own secrets by sending them to itself.
 */
export function resolveEnv(
  configuration: JsonObject,
  schema: JsonObject,
  allowList: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Parsed<JsonObject> {
  const copy = structuredClone(configuration);
  const issues: Issue[] = [];
  const take = (name: string, target: readonly string[], field: readonly string[]): void => {
    const value = isAllowed(name, allowList) ? env[name] : undefined;
    if (value !== undefined && value !== '') return put(copy, target, value);
    const why = isAllowed(name, allowList)
      ? 'is not set; have the operator set it'
      : 'may not be used by destinations; have the operator allow it, or give the secret itself';
    issues.push({
      field: ['configuration', ...field].join('.'),
      issue: `the environment variable ${name} ${why}`,
    });
  };
  visit(configuration, schema, [], (path, value, node) => {
    const sibling = node['x-env-for'];
    if (typeof sibling === 'string' && typeof value === 'string') {
      take(value, [...path.slice(0, -1), sibling], path);
      remove(copy, path);
    } else if (isEnvReference(value)) take(value.env, path, path);
  });
  return issues.length === 0 ? { ok: true, value: copy } : { ok: false, issues };
}

const isEnvReference = (value: Json): value is { env: string } =>
  isJsonObject(value) && typeof value['env'] === 'string' && Object.keys(value).length === 1;

function isAllowed(name: string, allowList: readonly string[]): boolean {
  return allowList.some((entry) =>
    entry.endsWith('*') ? name.startsWith(entry.slice(0, -1)) && entry.length > 1 : entry === name,
  );
}

type Visitor = (path: string[], value: Json, schema: JsonObject) => void;

const isSecret = (schema: JsonObject): boolean =>
  schema['x-secret'] === true || schema['x-env-for'] !== undefined;

/** Calls back for every value whose schema is marked, and looks no further inside it. */
function visit(value: Json, schema: JsonObject, path: string[], found: Visitor, isMarked = isSecret): void {
  if (isMarked(schema)) return found(path, value, schema);
  for (const branch of branchesOf(schema)) visit(value, branch, path, found, isMarked);
  if (!isJsonObject(value) && !Array.isArray(value)) return;
  for (const [name, child] of Object.entries(value)) {
    for (const childSchema of schemasOf(schema, name, Array.isArray(value))) {
      visit(child, childSchema, [...path, name], found, isMarked);
    }
  }
}

/** The schemas that apply to one property or item, by JSON Schema's own precedence. */
function schemasOf(schema: JsonObject, name: string, isItem: boolean): JsonObject[] {
  if (isItem) return [schema['items']].filter(isJsonObject);
  const properties = objectAt(schema, 'properties');
  const matching = Object.entries(objectAt(schema, 'patternProperties'))
    .filter(([pattern]) => new RegExp(pattern, 'u').test(name))
    .map(([, child]) => child);
  const named = Object.hasOwn(properties, name) ? [properties[name], ...matching] : matching;
  return (named.length > 0 ? named : [schema['additionalProperties']]).filter(isJsonObject);
}

function branchesOf(schema: JsonObject): JsonObject[] {
  return ['oneOf', 'anyOf', 'allOf'].flatMap((keyword) => {
    const branches = schema[keyword];
    return Array.isArray(branches) ? branches.filter(isJsonObject) : [];
  });
}

function objectAt(schema: JsonObject, keyword: string): JsonObject {
  const value = schema[keyword];
  return isJsonObject(value) ? value : {};
}

function stringsIn(value: Json, path: string[]): Secret[] {
  if (typeof value === 'string') return [{ path, value }];
  if (isEnvReference(value) || typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, child]) => stringsIn(child, [...path, name]));
}

function parentOf(root: JsonObject, path: readonly string[]): JsonObject {
  let parent: JsonObject = root;
  // An array is indexed by the same words as an object.
  for (const part of path.slice(0, -1)) parent = parent[part] as JsonObject;
  return parent;
}

function put(root: JsonObject, path: readonly string[], value: string): void {
  // Not by assignment: a property called __proto__ must become a property.
  Object.defineProperty(parentOf(root, path), path.at(-1) ?? '', {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}

function remove(root: JsonObject, path: readonly string[]): void {
  delete parentOf(root, path)[path.at(-1) ?? ''];
}
