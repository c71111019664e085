import { isJsonObject, type Json, type JsonObject } from '../kernel/json';
import { type Filters } from './transform';

/**
 * What runs before any engine. `schema` is the data type's `schema_definition`; without one nothing is marked
 * as sensitive. The payload is consumed.
 */
export function applyFilters(payload: JsonObject, filters: Filters, schema: JsonObject | null): JsonObject {
  if (filters.exclude_sensitive_data && schema !== null) withoutSensitive(payload, [schema], schema);
  if (filters.include_metrics === null) return payload;
  const wanted = new Set(filters.include_metrics);
  const { data } = payload;
  return isJsonObject(data) ? { ...payload, data: only(data, wanted) } : only(payload, wanted);
}

const only = (values: JsonObject, wanted: ReadonlySet<string>): JsonObject =>
  Object.fromEntries(Object.entries(values).filter(([name]) => wanted.has(name)));

/** Removes, at any depth, each field that one of the schemas which hold for it marks `"x-sensitive": true`. */
function withoutSensitive(value: Json, schemas: readonly JsonObject[], root: JsonObject): void {
  const here = expanded(schemas, root);
  if (here.size === 0) return;
  if (Array.isArray(value)) {
    const kept = value.filter((item, index) => {
      const below = itemSchemas(here, index);
      if (isSensitive(below, root)) return false;
      withoutSensitive(item, below, root);
      return true;
    });
    value.splice(0, value.length, ...kept);
  } else if (isJsonObject(value)) {
    for (const [name, field] of Object.entries(value)) {
      const below = propertySchemas(here, name);
      if (isSensitive(below, root)) delete value[name];
      else withoutSensitive(field, below, root);
    }
  }
}

/** What `exclude_sensitive_data` would remove. */
export function sensitiveValues(value: Json, schema: JsonObject): Json[] {
  return sensitiveIn(value, [schema], schema);
}

function sensitiveIn(value: Json, schemas: readonly JsonObject[], root: JsonObject): Json[] {
  const here = expanded(schemas, root);
  if (here.size === 0) return [];
  const visit = (child: Json, below: readonly JsonObject[]): Json[] =>
    isSensitive(below, root) ? [child] : sensitiveIn(child, below, root);
  if (Array.isArray(value)) return value.flatMap((item, index) => visit(item, itemSchemas(here, index)));
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([name, field]) => visit(field, propertySchemas(here, name)));
}

const isSensitive = (schemas: readonly JsonObject[], root: JsonObject): boolean =>
  [...expanded(schemas, root)].some((schema) => schema['x-sensitive'] === true);

const ALTERNATIVES = ['allOf', 'anyOf', 'oneOf'] as const;
const CONDITIONAL = ['if', 'then', 'else'] as const;

/** The schemas themselves and all that they refer to for the same value; each once, so that cycles end. */
function expanded(schemas: readonly JsonObject[], root: JsonObject): Set<JsonObject> {
  const all = new Set<JsonObject>(schemas);
  for (const schema of all) {
    for (const keyword of ALTERNATIVES) for (const one of listOf(schema[keyword])) all.add(one);
    for (const keyword of CONDITIONAL) if (isJsonObject(schema[keyword])) all.add(schema[keyword]);
    for (const one of Object.values(objectOf(schema['dependentSchemas'])))
      if (isJsonObject(one)) all.add(one);
    const target = schema['$ref'] ?? schema['$dynamicRef'];
    const found = typeof target === 'string' ? resolve(root, target) : undefined;
    if (found !== undefined) all.add(found);
  }
  return all;
}

function propertySchemas(schemas: ReadonlySet<JsonObject>, name: string): JsonObject[] {
  return [...schemas].flatMap((schema) => {
    const properties = objectOf(schema['properties']);
    const own = Object.hasOwn(properties, name) ? properties[name] : undefined;
    // Which names a pattern covers is for the validator; here every pattern's mark holds for every other name.
    const others = own === undefined ? Object.values(objectOf(schema['patternProperties'])) : [];
    const rest = own === undefined ? [schema['additionalProperties'], schema['unevaluatedProperties']] : [];
    return [own, ...others, ...rest].filter(isJsonObject);
  });
}

const itemSchemas = (schemas: ReadonlySet<JsonObject>, index: number): JsonObject[] =>
  [...schemas].flatMap((schema) => {
    const prefix = listOf(schema['prefixItems'])[index];
    return [prefix ?? schema['items'], schema['unevaluatedItems'], schema['contains']].filter(isJsonObject);
  });

/** Inside the same document: `#`, `#/$defs/name` and `#anchor`; nothing is fetched. */
function resolve(root: JsonObject, target: string): JsonObject | undefined {
  if (!target.startsWith('#')) return undefined;
  if (target !== '#' && !target.startsWith('#/')) {
    const anchored = Object.values(objectOf(root['$defs'])).filter(isJsonObject);
    return anchored.find(
      (one) => one['$anchor'] === target.slice(1) || one['$dynamicAnchor'] === target.slice(1),
    );
  }
  const parts = target.split('/').slice(1);
  const found = parts.reduce<Json | undefined>((value, part) => {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(value)) return value[Number(name)];
    return isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  }, root);
  return isJsonObject(found) ? found : undefined;
}

const objectOf = (value: Json | undefined): JsonObject => (isJsonObject(value) ? value : {});
const listOf = (value: Json | undefined): JsonObject[] =>
  Array.isArray(value) ? value.filter(isJsonObject) : [];
