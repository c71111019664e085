import { type JsonObject, isJsonObject } from '../kernel/json';

/**
 * The configuration of an inline destination that carries a registered name: its own fields over the
 * registered ones. Where it changes the address (a field marked `x-address`) or how the way there is protected
 * (`x-transport`: who is trusted to be the receiver, whether it is encrypted) nothing is taken over, because the
 * registered secrets must not go to a place that the submitter chose, nor where others can read them. Addresses further in
 * (`auth.token_url`) need no look: each inline field replaces the registered one as a whole, with its secrets.
 */
export function overlay(
  registered: JsonObject | undefined,
  inline: JsonObject,
  schema: JsonObject,
): JsonObject {
  if (registered === undefined || changesTheWay(inline, schema)) return inline;
  return { ...registered, ...inline };
}

function changesTheWay(inline: JsonObject, schema: JsonObject): boolean {
  const properties = isJsonObject(schema['properties']) ? schema['properties'] : {};
  return Object.keys(inline).some((name) => {
    const property = properties[name];
    return isJsonObject(property) && (property['x-address'] === true || property['x-transport'] === true);
  });
}
