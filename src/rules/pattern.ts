import { type Issue } from '../kernel/errors';
import { isJsonObject } from '../kernel/json';
import { type Matcher, matcherKey } from './matchers';
import { isComparison } from './numeric';
import { isOperator, readMatcher } from './operators';

/** One field of a rule: satisfied when any value of the event at this path satisfies any of the matchers. */
export interface Condition {
  /** Names joined by dots, so that nested objects and dotted keys are one path. */
  path: string;
  anyOf: Matcher[];
}

/** Conditions that one event must satisfy together, without two elements of one array. */
export type Conjunction = Condition[];

export interface Pattern {
  /** The pattern after expansion of every `$or`: it matches where one of these does. `[[]]` matches every event. */
  alternatives: Conjunction[];
  /** `$expr`, a JSONata text that is evaluated elsewhere, and only where the pattern matched. */
  expression?: string;
}

export type ParsedPattern = { ok: true; pattern: Pattern } | { ok: false; issues: Issue[] };

export const LIMITS = {
  /** Lists of values in one rule, all branches of its `$or` counted. */
  fields: 50,
  /** Conjunctions that the `$or` of one rule may expand to; EventBridge has the same limit. */
  alternatives: 1_000,
  /** Objects inside objects, `$or` branches included; bounds the recursion of the reader. */
  depth: 64,
  /** Characters of `$expr`. */
  expression: 8_192,
} as const;

/** Fields of one object of the pattern, nested objects included, and its `$or`s, each a list of branches. */
interface Group {
  conditions: Map<string, Condition>;
  choices: Group[][];
}

interface Reading {
  issues: Issue[];
  fields: number;
}

/** Where the reader stands: `at` is the place for messages, `path` the path in the event, undefined at its top. */
interface Place {
  at: string;
  path: string | undefined;
  depth: number;
}

type FieldPlace = Place & { path: string };

/** Reads conditions as they were submitted; `at` is their own name in messages. */
export function parsePattern(input: unknown, at = 'conditions'): ParsedPattern {
  const reading: Reading = { issues: [], fields: 0 };
  if (!isJsonObject(input)) {
    return {
      ok: false,
      issues: [{ field: at, issue: 'must be an object of fields; {} matches every event' }],
    };
  }
  const { $expr: expression, ...fields } = input;
  const group = newGroup();
  readFields(fields, { at, path: undefined, depth: 0 }, group, reading);
  if (expression !== undefined) checkExpression(expression, `${at}.$expr`, reading);
  if (reading.issues.length === 0) checkSize(group, at, reading);
  if (reading.issues.length > 0) return { ok: false, issues: reading.issues };
  const alternatives = expand(group);
  return {
    ok: true,
    pattern: typeof expression === 'string' ? { alternatives, expression } : { alternatives },
  };
}

const newGroup = (): Group => ({ conditions: new Map(), choices: [] });

function readFields(input: Record<string, unknown>, place: Place, group: Group, reading: Reading): void {
  for (const [name, value] of Object.entries(input)) {
    const at = `${place.at}.${name}`;
    if (name === '$or') readOr(value, { ...place, at }, group, reading);
    else if (name === '$expr') {
      reading.issues.push({
        field: at,
        issue: 'is allowed only at the top level of the conditions: move it there',
      });
    } else {
      const path = place.path === undefined ? name : `${place.path}.${name}`;
      readField(value, { at, path, depth: place.depth + 1 }, group, reading);
    }
  }
}

function readField(value: unknown, place: FieldPlace, group: Group, reading: Reading): void {
  const misplaced = misplacedOperator(place.at, value);
  if (misplaced !== undefined) reading.issues.push({ field: place.at, issue: misplaced });
  else if (Array.isArray(value)) readValues(value, place, group, reading);
  else if (isJsonObject(value)) readNested(value, place, group, reading);
  else reading.issues.push({ field: place.at, issue: bareValue(place.at, value) });
}

const lastName = (at: string): string => at.slice(at.lastIndexOf('.') + 1);

/** `{"amount":{"numeric":[">",0]}}` would be a field called `amount.numeric`, and the rule would silently never match. */
function misplacedOperator(at: string, value: unknown): string | undefined {
  const name = lastName(at);
  const isMeant =
    name === 'anything-but' ||
    name === 'equals-ignore-case' ||
    (name === 'numeric' && Array.isArray(value) && isComparison(value[0]));
  return isMeant
    ? `is an operator where a field is expected: put it into a list, as [{"${name}":...}]`
    : undefined;
}

function bareValue(at: string, value: unknown): string {
  const shown = JSON.stringify(value) ?? 'value';
  const name = lastName(at);
  const asOperator = isOperator(name)
    ? `; if ${name} is meant as an operator, write [{"${name}":${shown}}]`
    : '';
  return `must be a list of values or an object of fields: write [${shown}]${asOperator}`;
}

function readNested(value: Record<string, unknown>, place: Place, group: Group, reading: Reading): void {
  if (place.depth > LIMITS.depth) {
    reading.issues.push({
      field: place.at,
      issue: `is nested deeper than ${LIMITS.depth} levels: use fewer`,
    });
  } else if (Object.keys(value).length === 0) {
    reading.issues.push({
      field: place.at,
      issue: 'must not be an empty object: name a field inside it or leave it out',
    });
  } else {
    readFields(value, place, group, reading);
  }
}

function readValues(values: unknown[], place: FieldPlace, group: Group, reading: Reading): void {
  reading.fields++;
  if (values.length === 0) {
    const issue = 'must not be an empty list, which could never match: give at least one value';
    reading.issues.push({ field: place.at, issue });
    return;
  }
  if (group.conditions.has(place.path)) {
    const issue = `names ${place.path} a second time, as nested objects and dotted keys are one path: use one list`;
    reading.issues.push({ field: place.at, issue });
    return;
  }
  const anyOf = new Map<string, Matcher>();
  values.forEach((value, position) => {
    const matcher = readMatcher(value, `${place.at}[${position}]`, reading.issues);
    if (matcher !== undefined) anyOf.set(matcherKey(matcher), matcher);
  });
  group.conditions.set(place.path, { path: place.path, anyOf: [...anyOf.values()] });
}

function readOr(value: unknown, place: Place, group: Group, reading: Reading): void {
  if (!Array.isArray(value) || value.length < 2) {
    const issue =
      'must be a list of at least two objects; with one alternative, write its fields without $or';
    reading.issues.push({ field: place.at, issue });
    return;
  }
  group.choices.push(
    value.map((branch: unknown, position) => {
      const at = `${place.at}[${position}]`;
      const inner = newGroup();
      if (isJsonObject(branch))
        readNested(branch, { at, path: place.path, depth: place.depth + 1 }, inner, reading);
      else reading.issues.push({ field: at, issue: 'must be an object of fields, an alternative of $or' });
      return inner;
    }),
  );
}

function checkExpression(expression: unknown, at: string, reading: Reading): void {
  if (typeof expression !== 'string' || expression.trim() === '') {
    reading.issues.push({
      field: at,
      issue: 'must be a JSONata expression as a non-empty string, or left out',
    });
  } else if (expression.length > LIMITS.expression) {
    reading.issues.push({ field: at, issue: `is longer than ${LIMITS.expression} characters: shorten it` });
  }
}

function checkSize(group: Group, at: string, reading: Reading): void {
  if (reading.fields > LIMITS.fields) {
    const issue = `has ${reading.fields} fields, more than ${LIMITS.fields}: split the rule`;
    reading.issues.push({ field: at, issue });
  }
  const alternatives = countAlternatives(group);
  if (alternatives > LIMITS.alternatives) {
    const issue = `has $or lists that combine to ${alternatives} alternatives, more than ${LIMITS.alternatives}: split the rule`;
    reading.issues.push({ field: at, issue });
  }
}

const countAlternatives = (group: Group): number =>
  group.choices.reduce(
    (product, branches) => product * branches.reduce((sum, branch) => sum + countAlternatives(branch), 0),
    1,
  );

/** Every way to choose one branch of every `$or`; bounded by countAlternatives. */
function expand(group: Group): Conjunction[] {
  let conjunctions: Conjunction[] = [[...group.conditions.values()]];
  for (const branches of group.choices) {
    const alternatives = branches.flatMap(expand);
    conjunctions = conjunctions.flatMap((one) => alternatives.map((other) => [...one, ...other]));
  }
  return conjunctions;
}
