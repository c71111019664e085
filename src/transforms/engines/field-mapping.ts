import { isJsonObject, type Json, type JsonObject } from '../../kernel/json';
import { TransformFailure } from '../failure';

interface Mapping {
  moves: { source: readonly string[]; target: readonly string[] }[];
  keepUnmapped: boolean;
}

/** Specifications are shared by all deliveries of a transform, so each is taken apart once. */
const known = new WeakMap<JsonObject, Mapping>();

/**
 * Only mapped fields, at their new places; with `keep_unmapped` the rest stays where it is. A source that the
 * payload has not is left out. The payload is consumed.
 */
export function mapFields(spec: JsonObject, payload: JsonObject): JsonObject {
  const mapping = mappingOf(spec);
  const found = mapping.moves.map(({ source, target }) => ({ source, target, value: read(payload, source) }));
  const result: JsonObject = mapping.keepUnmapped ? payload : {};
  if (mapping.keepUnmapped) for (const { source } of found) remove(payload, source);
  for (const { target, value } of found) if (value !== undefined) write(result, target, value);
  return result;
}

function mappingOf(spec: JsonObject): Mapping {
  const mapping = known.get(spec) ?? {
    moves: Object.entries(spec)
      .filter(([name]) => name !== 'keep_unmapped')
      .map(([source, target]) => ({ source: source.split('.'), target: (target as string).split('.') })),
    keepUnmapped: spec['keep_unmapped'] === true,
  };
  known.set(spec, mapping);
  return mapping;
}

/** A key of an object, or an index of a list. */
function child(value: Json | undefined, part: string): Json | undefined {
  if (Array.isArray(value)) return /^\d+$/.test(part) ? value[Number(part)] : undefined;
  return isJsonObject(value) && Object.hasOwn(value, part) ? value[part] : undefined;
}

const read = (payload: JsonObject, path: readonly string[]): Json | undefined =>
  path.reduce<Json | undefined>(child, payload);

/** Elements of a list stay: taking one out would move the others. */
function remove(payload: JsonObject, path: readonly string[]): void {
  const parent = read(payload, path.slice(0, -1));
  if (isJsonObject(parent)) delete parent[path.at(-1) as string];
}

function write(result: JsonObject, path: readonly string[], value: Json): void {
  let place = result;
  for (const part of path.slice(0, -1)) {
    const next = Object.hasOwn(place, part) ? place[part] : (place[part] = {});
    if (!isJsonObject(next)) throw new TransformFailure(`${path.join('.')}: ${part} is not an object`);
    place = next;
  }
  place[path.at(-1) as string] = value;
}
