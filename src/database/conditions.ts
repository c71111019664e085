/** What a column is compared with, and how: `?` stands for the value. One without a value does not apply. */
export type Condition = [value: unknown, sql: string];

/** The conditions that apply, joined, with their values numbered from `first` on. */
export function whereOf(
  conditions: readonly Condition[],
  first: number,
): { where: string; values: unknown[] } {
  const applying = conditions.filter(([value]) => value !== undefined);
  const parts = applying.map(([, sql], index) => sql.replaceAll('?', `$${first + index}`));
  return { where: ['true', ...parts].join(' AND '), values: applying.map(([value]) => value) };
}

/** The value of a condition on a time. PostgreSQL has no year 0000 as RFC 3339 has; the driver writes it as 1 BC. */
export const dateOf = (text: string | undefined): Date | undefined =>
  text === undefined ? undefined : new Date(text);
