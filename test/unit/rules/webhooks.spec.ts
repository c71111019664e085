import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Json, type JsonObject } from '../../../src/kernel/json';
import { PatternMatcher } from '../../../src/rules/matcher';
import { parsePattern } from '../../../src/rules/pattern';
import { oracle } from './oracle';

const FOLDER = join(__dirname, '../../fixtures/github-webhooks');
const payloads = new Map(
  readdirSync(FOLDER)
    .filter((name) => name.endsWith('.json'))
    .map((name) => [name, JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as JsonObject]),
);

/** One rule for every value of the event, at its path. */
function rulesOf(value: Json, path: string): JsonObject[] {
  if (Array.isArray(value)) return value.flatMap((item) => rulesOf(item, path));
  if (typeof value !== 'object' || value === null) return [{ [path]: [value] }];
  return Object.entries(value).flatMap(([key, inner]) =>
    rulesOf(inner, path === '' ? key : `${path}.${key}`),
  );
}

describe('rules on real webhook payloads', () => {
  it.each([...payloads])(
    'each value of %s is found by its own rule, and rules of other payloads as the oracle says',
    (_name, event) => {
      const rules = [...payloads.values()].flatMap((payload) => rulesOf(payload, ''));
      const matcher = new PatternMatcher<number>();
      rules.forEach((rule, id) => {
        const parsed = parsePattern(rule);
        if (parsed.ok) matcher.add(id, parsed.pattern);
      });
      expect(matcher.size).toBe(rules.length);
      const expected = rules.flatMap((rule, id) => (oracle(rule, event) ? [id] : []));
      expect(matcher.match(event).sort((a, b) => a - b)).toEqual(expected);
      expect(expected.length).toBeGreaterThanOrEqual(rulesOf(event, '').length);
    },
  );
});
