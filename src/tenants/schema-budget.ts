import { type ValidateFunction } from 'ajv/dist/2020';
import { isJsonObject, type Json, type JsonObject } from '../kernel/json';

/** Stands in every part of a schema that may be applied to one value more than once. */
export const COUNTER = 'x-distributor-step';

export class TooCostly extends Error {}

/** Steps that any payload may take, about 10 ms; a larger one may take more for each of its values. */
const STEPS = 100_000;
const STEPS_A_VALUE = 20;

/**
 * Schemas can be written whose check takes exponentially long on a small payload. So the parts that can multiply are
 * counted while they run, and a check that takes more steps than any reasonable schema needs is ended.
 */
export class Budget {
  private left = 0;
  private payload: JsonObject | undefined;

  runs(validate: ValidateFunction, payload: JsonObject): boolean {
    this.left = STEPS;
    this.payload = payload;
    try {
      return validate(payload);
    } finally {
      this.payload = undefined;
    }
  }

  readonly step = (): boolean => {
    if (--this.left < 0) this.extend();
    return true;
  };

  /** Values are counted only now, because nearly every check ends before. */
  private extend(): void {
    if (this.payload === undefined) throw new TooCostly();
    this.left = STEPS_A_VALUE * countValues(this.payload) - STEPS;
    this.payload = undefined;
    if (this.left < 0) throw new TooCostly();
  }
}

function countValues(payload: JsonObject): number {
  let count = 0;
  const stack: Json[] = [payload];
  for (let value = stack.pop(); value !== undefined; value = stack.pop()) {
    count++;
    if (typeof value === 'object' && value !== null)
      for (const part of Object.values(value)) stack.push(part);
  }
  return count;
}

const REFERENCES = ['$ref', '$dynamicRef', '$recursiveRef'];
const IN_PLACE_LISTS = ['allOf', 'anyOf', 'oneOf'];
const IN_PLACE = ['if', 'then', 'else', 'not'];
const NAMED = ['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas'];
const SINGLE = [
  'items',
  'contains',
  'additionalProperties',
  'unevaluatedProperties',
  'unevaluatedItems',
  'propertyNames',
  'contentSchema',
];

/** The same schema with a counter in whatever refers to another part or stands in a list of alternatives. */
export function withCounters(schema: JsonObject): JsonObject {
  return counted(schema, false) as JsonObject;
}

function counted(schema: Json, isAlternative: boolean): Json {
  if (!isJsonObject(schema)) return schema;
  const copy: JsonObject = {};
  // First, so that it is counted before anything expensive happens.
  if (isAlternative || REFERENCES.some((name) => name in schema)) copy[COUNTER] = true;
  for (const [name, value] of Object.entries(schema)) copy[name] = countedBelow(name, value);
  return copy;
}

function countedBelow(name: string, value: Json): Json {
  if (Array.isArray(value)) {
    if (name !== 'prefixItems' && !IN_PLACE_LISTS.includes(name)) return value;
    return value.map((one) => counted(one, name !== 'prefixItems'));
  }
  if (NAMED.includes(name) && isJsonObject(value)) {
    const isAlternative = name === 'dependentSchemas';
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, counted(one, isAlternative)]));
  }
  if (IN_PLACE.includes(name)) return counted(value, true);
  return SINGLE.includes(name) ? counted(value, false) : value;
}
