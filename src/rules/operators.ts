import { type Issue } from '../kernel/errors';
import { isJsonObject } from '../kernel/json';
import { foldCase } from './fold-case';
import { parseCidr } from './ip-address';
import { type Affix, type Matcher, type Scalar, type TextMatcher } from './matchers';
import { readNumeric } from './numeric';
import { type Reader } from './reader';
import { readWildcard } from './wildcard';

const readers: Record<string, Reader<Matcher>> = {
  prefix: (input, at, issues) => readAffix('prefix', input, at, issues),
  suffix: (input, at, issues) => readAffix('suffix', input, at, issues),
  'equals-ignore-case': readIgnoreCase,
  wildcard: readWildcard,
  'anything-but': readAnythingBut,
  numeric: readNumeric,
  exists: readExists,
  cidr: readCidr,
};

const OPERATORS = Object.keys(readers).join(', ');

export const isOperator = (name: string): boolean => Object.hasOwn(readers, name);

const isScalar = (input: unknown): input is Scalar =>
  input === null || typeof input === 'string' || typeof input === 'boolean' || Number.isFinite(input);

/** One entry of a field's list: a plain value or an object with one operator. */
export function readMatcher(input: unknown, at: string, issues: Issue[]): Matcher | undefined {
  if (isScalar(input)) return { kind: 'exact', value: input };
  if (isJsonObject(input)) {
    const one = onlyEntry(input, OPERATORS, at, issues);
    return one && readers[one.name]?.(one.value, `${at}.${one.name}`, issues);
  }
  const issue = Array.isArray(input)
    ? 'must not be a list inside a list: put its values into the outer list'
    : 'must be a string, a finite number, true, false, null or an operator';
  issues.push({ field: at, issue });
  return undefined;
}

/** The operator of an object that holds exactly one of the allowed ones. */
function onlyEntry(
  input: Record<string, unknown>,
  allowed: string,
  at: string,
  issues: Issue[],
): { name: string; value: unknown } | undefined {
  const entries = Object.entries(input);
  const [entry] = entries;
  if (entry === undefined || entries.length > 1) {
    const issue = `must hold exactly one operator; write one object for each, in the same list: ${allowed}`;
    issues.push({ field: at, issue });
    return undefined;
  }
  const [name, value] = entry;
  if (allowed.split(', ').includes(name)) return { name, value };
  issues.push({
    field: `${at}.${name}`,
    issue: `is no operator here; allowed, in exactly this spelling: ${allowed}`,
  });
  return undefined;
}

function readText(input: unknown, at: string, issues: Issue[]): string | undefined {
  if (typeof input === 'string') return input;
  const issue = Array.isArray(input)
    ? 'must be one string, not a list: write one operator object for each string'
    : 'must be a string';
  issues.push({ field: at, issue });
  return undefined;
}

function readAffix(kind: Affix['kind'], input: unknown, at: string, issues: Issue[]): Affix | undefined {
  if (!isJsonObject(input)) {
    const text = readText(input, at, issues);
    return text === undefined ? undefined : { kind, text, ignoreCase: false };
  }
  const one = onlyEntry(input, 'equals-ignore-case', at, issues);
  const text = one && readText(one.value, `${at}.${one.name}`, issues);
  return text === undefined ? undefined : { kind, text: foldCase(text), ignoreCase: true };
}

function readIgnoreCase(input: unknown, at: string, issues: Issue[]): TextMatcher | undefined {
  const text = readText(input, at, issues);
  return text === undefined ? undefined : { kind: 'equals-ignore-case', text: foldCase(text) };
}

function readExists(input: unknown, at: string, issues: Issue[]): Matcher | undefined {
  if (typeof input === 'boolean') return { kind: 'exists', present: input };
  issues.push({ field: at, issue: 'must be true or false' });
  return undefined;
}

function readCidr(input: unknown, at: string, issues: Issue[]): Matcher | undefined {
  const text = readText(input, at, issues);
  if (text === undefined) return undefined;
  const network = parseCidr(text);
  if ('bits' in network) return { kind: 'cidr', bits: network.bits };
  issues.push({ field: at, issue: network.reason });
  return undefined;
}

function readAnythingBut(input: unknown, at: string, issues: Issue[]): Matcher | undefined {
  if (isJsonObject(input)) return readAnythingButText(input, at, issues);
  const values: unknown[] = Array.isArray(input) ? input : [input];
  const alike =
    values.every((value) => typeof value === 'string') || values.every((value) => Number.isFinite(value));
  if (values.length > 0 && alike) return { kind: 'anything-but', values: new Set(values as Scalar[]) };
  const issue =
    'must be a string, a number, a non-empty list of only strings or of only numbers, or an object with ' +
    'prefix, suffix, equals-ignore-case or wildcard; for null use {"exists":true} or an exact value';
  issues.push({ field: at, issue });
  return undefined;
}

/** Readers of what anything-but refuses; an empty prefix or suffix would refuse every string. */
const refusals: Record<string, Reader<TextMatcher>> = {
  prefix: (input, at, issues) => refuseEmpty(readText(input, at, issues), 'prefix', at, issues),
  suffix: (input, at, issues) => refuseEmpty(readText(input, at, issues), 'suffix', at, issues),
  'equals-ignore-case': readIgnoreCase,
  wildcard: readWildcard,
};

function refuseEmpty(
  text: string | undefined,
  kind: Affix['kind'],
  at: string,
  issues: Issue[],
): Affix | undefined {
  if (text === undefined) return undefined;
  if (text !== '') return { kind, text, ignoreCase: false };
  issues.push({ field: at, issue: `must not be an empty ${kind}, which would refuse every string` });
  return undefined;
}

function readAnythingButText(
  input: Record<string, unknown>,
  at: string,
  issues: Issue[],
): Matcher | undefined {
  const one = onlyEntry(input, Object.keys(refusals).join(', '), at, issues);
  const read = one && refusals[one.name];
  if (one === undefined || read === undefined) return undefined;
  const place = `${at}.${one.name}`;
  if (!Array.isArray(one.value)) {
    const refused = read(one.value, place, issues);
    return refused && { kind: 'anything-but-text', none: [refused] };
  }
  if (one.value.length === 0) issues.push({ field: place, issue: 'must not be an empty list' });
  const none = one.value.flatMap((value: unknown, i) => read(value, `${place}[${i}]`, issues) ?? []);
  return none.length === 0 ? undefined : { kind: 'anything-but-text', none };
}
