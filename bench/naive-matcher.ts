import ipaddr from 'ipaddr.js';

type Value = string | number | boolean | null | Value[] | { [key: string]: Value };
type Fields = { [key: string]: Value };
/** Fields that must hold together; `path` as event-pattern users write it, `list` as it stands in the pattern. */
type Field = { path: string; list: Value[] };
/** For every array on the way to a value, which of its elements was entered. */
type Position = readonly (readonly [array: Value[], element: number])[];

/**
 * Event patterns evaluated in the plainest way: the oracle of the tests and the linear baseline of the benchmark. It
 * takes the pattern as written, knows nothing of the matcher's parser or structures, and expects it to be valid.
 */
export function naiveMatcher(pattern: Fields): (event: Fields) => boolean {
  const alternatives = conjunctions(pattern, '');
  return (event) => alternatives.some((fields) => holds(fields, event, []));
}

/** Every field satisfied by some value, all values in the same element of every array they share: by trying. */
function holds([field, ...rest]: Field[], event: Fields, chosen: Position): boolean {
  if (field === undefined) return true;
  const leaves = leavesAt(event, field.path, []);
  if (leaves.length === 0)
    return field.list.some((test) => exists(test) === false) && holds(rest, event, chosen);
  return leaves.some(
    ({ value, position }) =>
      field.list.some((test) => satisfies(test, value)) &&
      position.every(([array, element]) => chosen.every(([a, e]) => a !== array || e === element)) &&
      holds(rest, event, [...chosen, ...position]),
  );
}

function leavesAt(
  value: Value,
  path: string | undefined,
  position: Position,
): { value: Value; position: Position }[] {
  if (Array.isArray(value)) {
    return value.flatMap((item, i) =>
      leavesAt(item, path, isContainer(item) ? [...position, [value, i] as const] : position),
    );
  }
  if (!isContainer(value)) return path === undefined ? [{ value, position }] : [];
  if (path === undefined) return [];
  const leaves = Object.hasOwn(value, path) ? leavesAt(value[path] as Value, undefined, position) : [];
  for (let dot = path.indexOf('.'); dot >= 0; dot = path.indexOf('.', dot + 1)) {
    const inner = Object.hasOwn(value, path.slice(0, dot)) ? value[path.slice(0, dot)] : undefined;
    if (inner !== undefined) leaves.push(...leavesAt(inner, path.slice(dot + 1), position));
  }
  return leaves;
}

const isContainer = (value: Value | undefined): value is Value[] | Fields =>
  typeof value === 'object' && value !== null;
const exists = (test: Value): Value | undefined => (isContainer(test) ? (test as Fields).exists : undefined);

function satisfies(test: Value, value: Value): boolean {
  if (!isContainer(test)) return test === value;
  const [operator, argument] = Object.entries(test)[0] as [string, Value];
  if (operator === 'exists') return argument === true;
  if (operator === 'anything-but') return !refuses(argument, value);
  if (operator === 'numeric') return typeof value === 'number' && inBounds(argument as Value[], value);
  return typeof value === 'string' && textSatisfies(operator, argument, value);
}

function refuses(argument: Value, value: Value): boolean {
  if (!isContainer(argument)) return argument === value;
  if (Array.isArray(argument)) return argument.includes(value);
  const [operator, texts] = Object.entries(argument)[0] as [string, Value];
  return [texts].flat().some((text) => satisfies({ [operator]: text }, value));
}

function inBounds([comparison, bound, ...more]: Value[], value: number): boolean {
  const limit = bound as number;
  const results = {
    '=': value === limit,
    '<': value < limit,
    '<=': value <= limit,
    '>': value > limit,
    '>=': value >= limit,
  };
  return results[comparison as keyof typeof results] && (more.length === 0 || inBounds(more, value));
}

function textSatisfies(operator: string, argument: Value, value: string): boolean {
  if (isContainer(argument)) {
    const text = (argument as { 'equals-ignore-case': string })['equals-ignore-case'];
    return textSatisfies(operator, text.toLowerCase(), value.toLowerCase());
  }
  const text = argument as string;
  if (operator === 'prefix') return value.startsWith(text);
  if (operator === 'suffix') return value.endsWith(text);
  if (operator === 'equals-ignore-case') return value.toLowerCase() === text.toLowerCase();
  if (operator === 'cidr') return inNetwork(text, value);
  return wildcard(text).test(value);
}

const compiled = new Map<string, RegExp>();

/** `\*` and `\\` stand for themselves, `*` for any run. */
function wildcard(text: string): RegExp {
  const source = text.replace(/\\[*\\]|[^\w]/g, (part) =>
    part === '*' ? '.*' : `\\u${code(part.slice(-1))}`,
  );
  const known = compiled.get(text) ?? new RegExp(`^${source}$`, 's');
  compiled.set(text, known);
  return known;
}

const code = (character: string): string => character.charCodeAt(0).toString(16).padStart(4, '0');

function inNetwork(cidr: string, value: string): boolean {
  if (!ipaddr.IPv4.isValidFourPartDecimal(value) && !ipaddr.IPv6.isValid(value)) return false;
  const address = ipaddr.parse(value);
  const [network, bits] = ipaddr.parseCIDR(cidr);
  return address.kind() === network.kind() && address.match(network, bits);
}

function conjunctions(pattern: Fields, prefix: string): Field[][] {
  return Object.entries(pattern).reduce<Field[][]>(
    (all, [key, value]) => {
      const own = fieldAlternatives(key, value, prefix);
      return all.flatMap((one) => own.map((other) => [...one, ...other]));
    },
    [[]],
  );
}

function fieldAlternatives(key: string, value: Value, prefix: string): Field[][] {
  if (key === '$expr') return [[]];
  if (key === '$or') return (value as Fields[]).flatMap((branch) => conjunctions(branch, prefix));
  const path = prefix + key;
  return Array.isArray(value) ? [[{ path, list: value }]] : conjunctions(value as Fields, `${path}.`);
}
