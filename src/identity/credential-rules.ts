/** Length is what makes a password; rules about kinds of characters do not (NIST SP 800-63B). */
export const SHORTEST_PASSWORD = 12;
export const LONGEST_PASSWORD = 128;

/** No @: a user name is never another's e-mail address. */
export const USERNAME = /^[a-z0-9][a-z0-9._-]{0,99}$/;
export const USERNAME_RULE =
  'must be 1 to 100 lower-case letters, digits, ".", "_" and "-", and begin with neither sign';
