/** The part of JSON Schema that configurations of destinations use (GET /destination-types). */
export interface Schema {
  title?: string;
  type?: string | string[];
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  items?: Schema;
  enum?: unknown[];
  const?: unknown;
  oneOf?: Schema[];
  minimum?: number;
  maximum?: number;
  maxLength?: number;
  'x-secret'?: boolean;
}

/** How a field is typed in. `json`: whatever has no form of its own. */
export type Kind =
  'secret' | 'choice' | 'select' | 'flag' | 'number' | 'text' | 'long' | 'lines' | 'map' | 'group' | 'json';

/** Longer texts than this get more than one line. */
const LINE = 8192;

export function kindOf(schema: Schema): Kind {
  if (schema['x-secret'] === true) return 'secret';
  if (schema.oneOf?.every((branch) => constOf(branch) !== undefined)) return 'choice';
  if (schema.enum?.every((value) => typeof value === 'string')) return 'select';
  const types = [schema.type ?? []].flat();
  const [type] = types;
  if (types.includes('array')) return takesTexts(schema.items) ? 'lines' : 'json';
  if (types.length !== 1) return 'json';
  if (type === 'boolean') return 'flag';
  if (type === 'integer' || type === 'number') return 'number';
  if (type === 'string') return isLong(schema) ? 'long' : 'text';
  if (type !== 'object') return 'json';
  if (schema.properties !== undefined) return 'group';
  return typeof schema.additionalProperties === 'object' && takesTexts(schema.additionalProperties)
    ? 'map'
    : 'json';
}

/** What a branch of a choice is called in the data: its `type`. */
export const constOf = (branch: Schema): string | undefined => {
  const value = branch.properties?.['type']?.const;
  return typeof value === 'string' ? value : undefined;
};

const takesTexts = (schema: Schema | undefined): boolean => [schema?.type ?? []].flat().includes('string');

const isLong = ({ maxLength = Infinity, description = '' }: Schema): boolean =>
  description.includes('PEM') || maxLength > LINE;

/** Lines of a text as the items that the schema wants. */
export function linesOf(input: string, items: Schema | undefined): unknown[] {
  const takesNumbers = [items?.type ?? []].flat().includes('integer');
  return input
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => (takesNumbers && /^\d+$/.test(line.trim()) ? Number(line) : line));
}

/** What the service shows in place of a secret, and takes back for “as it was”. */
export const MASK = '********';
