/** A column of a key with its type and a value before all others. */
export type KeyColumn = readonly [name: string, type: 'uuid' | 'bigint' | 'int' | 'text', lowest: string];

/** What names a row; rows are read in this order, a page after the other. */
export type Key = readonly KeyColumn[];

export const LOWEST_ID = '00000000-0000-0000-0000-000000000000';
export const ID: Key = [['id', 'uuid', LOWEST_ID]];

/** Before the first row. */
export const startOf = (key: Key): string[] => key.map(([, , lowest]) => lowest);

export const columnsOf = (key: Key): string => key.map(([name]) => name).join(', ');

/** The key of a row as texts, which a parameter of the next page gives back. */
export const textsOf = (key: Key): string => `ARRAY[${key.map(([name]) => `${name}::text`).join(', ')}]`;

/** Such a parameter, with the types of the columns. */
export const valuesIn = (key: Key, parameter: string): string =>
  key.map(([, type], index) => `((${parameter}::text[])[${index + 1}])::${type}`).join(', ');
