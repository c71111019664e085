import { type DialectName } from './url';

/** Where dialects differ in writing; used to build SQL whose values are always bound. */
export interface Dialect {
  readonly name: DialectName;
  /** Parameters in one statement, by protocol. */
  readonly maxParameters: number;
  readonly maxRows: number;
  /** Longest identifier, in what `identifierLength` counts: a longer one would be cut or refused. */
  readonly maxIdentifier: number;
  readonly identifierUnit: 'bytes' | 'characters';
  readonly quote: (identifier: string) => string;
  /** Parameter `n`, counted from 1. */
  readonly placeholder: (n: number) => string;
  readonly select1: string;
}

const doubled = (open: string, close: string) => (identifier: string) =>
  open + identifier.replaceAll(close, close + close) + close;

export const DIALECTS: Readonly<Record<DialectName, Dialect>> = {
  postgresql: {
    name: 'postgresql',
    maxParameters: 65_535,
    maxRows: 10_000,
    maxIdentifier: 63,
    identifierUnit: 'bytes',
    quote: doubled('"', '"'),
    placeholder: (n) => `$${n}`,
    select1: 'SELECT 1',
  },
  mysql: {
    name: 'mysql',
    maxParameters: 65_535,
    maxRows: 10_000,
    maxIdentifier: 64,
    identifierUnit: 'characters',
    quote: doubled('`', '`'),
    placeholder: () => '?',
    select1: 'SELECT 1',
  },
  sqlserver: {
    name: 'sqlserver',
    maxParameters: 2000,
    maxRows: 1000,
    maxIdentifier: 128,
    identifierUnit: 'characters',
    quote: doubled('[', ']'),
    placeholder: (n) => `@p${n}`,
    select1: 'SELECT 1',
  },
  oracle: {
    name: 'oracle',
    maxParameters: 65_535,
    // Oracle before 23ai has no VALUES with several rows.
    maxRows: 1,
    maxIdentifier: 128,
    identifierUnit: 'bytes',
    // Oracle has no way to write a double quote inside an identifier: identifierIssue refuses it.
    quote: (identifier) => `"${identifier}"`,
    placeholder: (n) => `:${n}`,
    select1: 'SELECT 1 FROM DUAL',
  },
};

/** Why a text cannot be an identifier: PostgreSQL would silently cut a long one and meet another table. */
export function identifierIssue(dialect: Dialect, identifier: string): string | undefined {
  if (identifier === '' || identifier.includes('\0')) return 'is empty or has a NUL character';
  if (dialect.name === 'oracle' && identifier.includes('"')) return 'has a double quote';
  const length = dialect.identifierUnit === 'bytes' ? Buffer.byteLength(identifier) : identifier.length;
  if (length > dialect.maxIdentifier)
    return `is longer than ${dialect.maxIdentifier} ${dialect.identifierUnit}`;
  return undefined;
}
