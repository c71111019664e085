import { isUtf8 } from 'node:buffer';
import { parse } from 'secure-json-parse';
import { invalid } from '../kernel/errors';

/**
 * JSON as it may come in. Refused, with the place and the reason: invalid UTF-8, malformed text, nesting deeper
 * than `maxDepth`, keys that would reach the prototype, and NUL or lone surrogates, which PostgreSQL cannot store.
 */
export function parseJson(bytes: Buffer, maxDepth: number): unknown {
  if (!isUtf8(bytes)) throw invalid('body', 'is not valid UTF-8');
  const text = bytes.toString('utf8');
  if (text.trim() === '') throw invalid('body', 'is empty; send a JSON object');
  const value = parseText(text);
  const suspicious = text.includes('\\u');
  if (suspicious || mayBeDeeper(text, maxDepth)) inspect(value, maxDepth, suspicious);
  return value;
}

function parseText(text: string): unknown {
  try {
    return parse(text, undefined, { protoAction: 'error', constructorAction: 'error' });
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unreadable';
    if (/forbidden prototype property/.test(reason)) {
      throw invalid('body', 'contains a key __proto__ or constructor.prototype, which is not allowed');
    }
    throw invalid('body', `is not valid JSON: ${reason}`);
  }
}

/** Counting brackets is enough to clear nearly every body without walking it. */
function mayBeDeeper(text: string, maxDepth: number): boolean {
  let opened = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if ((code === 123 || code === 91) && ++opened > maxDepth) return true;
  }
  return false;
}

/** Without recursion, so that depth itself cannot hurt. */
function inspect(root: unknown, maxDepth: number, checkStrings: boolean): void {
  const stack: { value: unknown; path: string; depth: number }[] = [{ value: root, path: '', depth: 1 }];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { value, path, depth } = next;
    if (typeof value === 'string') {
      if (checkStrings) checkString(value, path);
      continue;
    }
    if (typeof value !== 'object' || value === null) continue;
    if (depth > maxDepth)
      throw invalid(shorten(path), `is nested deeper than ${maxDepth} levels; flatten it`);
    for (const [key, child] of Object.entries(value)) {
      if (checkStrings) checkString(key, path === '' ? 'body' : path);
      stack.push({ value: child, path: childPath(path, key, Array.isArray(value)), depth: depth + 1 });
    }
  }
}

const childPath = (path: string, key: string, isItem: boolean): string =>
  isItem ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;

const shorten = (path: string): string => (path.length > 80 ? `${path.slice(0, 80)}…` : path);

function checkString(text: string, path: string): void {
  if (text.includes('\0')) throw invalid(shorten(path), 'contains the character NUL (\\u0000); remove it');
  if (!text.isWellFormed())
    throw invalid(shorten(path), 'contains half of a surrogate pair; send valid Unicode');
}
