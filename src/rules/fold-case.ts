const ASCII = /^[\0-\x7f]*$/;

/**
 * The form in which two strings are equal when they differ only in case. Character by character and of unchanged
 * length, so that a prefix of a string folds to a prefix of its folded form; characters whose other case is longer
 * (`ß`, `İ`) stay as they are.
 */
export function foldCase(text: string): string {
  return ASCII.test(text) ? text.toLowerCase() : Array.from(text, foldCharacter).join('');
}

function foldCharacter(character: string): string {
  const upper = character.toUpperCase();
  const lower = (upper.length === character.length ? upper : character).toLowerCase();
  return lower.length === character.length ? lower : character;
}
