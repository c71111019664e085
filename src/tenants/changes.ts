/** What may change: absent or undefined = stays as it is. */
export type Changes<T> = { [Key in keyof T]?: T[Key] | undefined };

/** Without the undefined ones, so that spreading it over a value changes only what was given. */
export const definedOf = <T extends object>(changes: T): { [Key in keyof T]: Exclude<T[Key], undefined> } =>
  Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined)) as never;
