import { type Escape } from './template';

/** What some file system, shell or sync tool cannot take in a name; the percent sign so that it can be undone. */

const UNSAFE = /[\x00-\x1f\x7f-\x9f%/\\"<>:*?|]/gu;

/**
 * A value inside the name of a file or object: slashes, control characters and what Windows refuses become
 * `%XX` of their UTF-8 (`decodeURIComponent` undoes it), letters of any script stay. Refuses what is empty or
 * climbs (`.`, `..`), so that no value can choose another directory than the author's template.
 */
export const escapeName: Escape = (value) =>
  /^\.{0,2}$/.test(value) ? undefined : value.replace(UNSAFE, percent);

const percent = (character: string): string =>
  [...Buffer.from(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');

/** Why a path that was put together from a template must not be used; undefined when it may. */
export function pathIssue(path: string): string | undefined {
  if (path.includes('\0')) return 'must not contain NUL';
  const climbs = path.split('/').some((step) => step === '..' || step === '.');
  return climbs ? 'must not contain the steps "." or ".."' : undefined;
}
