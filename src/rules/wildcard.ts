import { type Issue } from '../kernel/errors';
import { type TextMatcher } from './matchers';

/**
 * One wildcard alone is cheap whatever the value: its pieces are searched one after the other. Many of them together are
 * bounded by the work that an event is allowed.
 */
export const WILDCARD_LIMITS = { characters: 256, stars: 10 } as const;

export function readWildcard(input: unknown, at: string, issues: Issue[]): TextMatcher | undefined {
  const refuse = (issue: string): undefined => {
    issues.push({ field: at, issue });
  };
  if (Array.isArray(input))
    return refuse('must be one string, not a list: write one operator object for each string');
  if (typeof input !== 'string') return refuse('must be a string');
  if (input.length > WILDCARD_LIMITS.characters) {
    return refuse(
      `is longer than ${WILDCARD_LIMITS.characters} characters: shorten it or use prefix and suffix`,
    );
  }
  const parts = split(input);
  if (typeof parts === 'string') return refuse(parts);
  if (parts.length - 1 > WILDCARD_LIMITS.stars) {
    return refuse(`has more than ${WILDCARD_LIMITS.stars} stars: leave out those that are not needed`);
  }
  return { kind: 'wildcard', pieces: parts };
}

/** The literal pieces around each `*`, or what is wrong with the wildcard. */
function split(text: string): string[] | string {
  const pieces = [''];
  for (let i = 0; i < text.length; i++) {
    const character = text.charAt(i);
    if (character === '*') {
      if (pieces.length > 1 && pieces.at(-1) === '')
        return 'must not have two stars in a row: one says the same';
      pieces.push('');
      continue;
    }
    if (character === '\\' && !/[*\\]/.test(text.charAt(++i))) {
      return 'may escape only a star (\\*) or a backslash (\\\\): write a backslash itself as \\\\';
    }
    pieces[pieces.length - 1] += text.charAt(i);
  }
  return pieces;
}
