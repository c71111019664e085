import { type Dialect } from './dialect';
import { type DialectName } from './url';

/** The user's own statement with the database's placeholders, and which name each of them stands for. */
export interface ParsedStatement {
  sql: string;
  names: string[];
}

export type StatementResult = { ok: true; statement: ParsedStatement } | { ok: false; issue: string };

/** What a colon cannot begin a parameter in: texts, quoted names, comments. */
function opaque(dialect: DialectName): string {
  const common = [String.raw`--[^\n]*`, String.raw`/\*[\s\S]*?(?:\*/|$)`];
  switch (dialect) {
    case 'postgresql':
      return [
        String.raw`\b[eE]'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)`,
        String.raw`'(?:[^']|'')*(?:'|$)`,
        String.raw`"(?:[^"]|"")*(?:"|$)`,
        String.raw`\$(?<tag>[A-Za-z_]\w*|)\$[\s\S]*?(?:\$\k<tag>\$|$)`,
        ...common,
      ].join('|');
    case 'mysql':
      return [
        String.raw`'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)`,
        String.raw`"(?:[^"\\]|\\[\s\S]|"")*(?:"|$)`,
        '`[^`]*(?:`|$)',
        String.raw`#[^\n]*`,
        ...common,
      ].join('|');
    case 'sqlserver':
      return [
        String.raw`'(?:[^']|'')*(?:'|$)`,
        String.raw`"(?:[^"]|"")*(?:"|$)`,
        String.raw`\[[^\]]*(?:\]|$)`,
        ...common,
      ].join('|');
    case 'oracle':
      return [String.raw`'(?:[^']|'')*(?:'|$)`, String.raw`"[^"]*(?:"|$)`, ...common].join('|');
  }
}

/** Two colons are a cast, colon and equals sign an assignment. */
const PARAMETER = String.raw`::|:=|(?<![\w:]):([A-Za-z_]\w*)`;

/** Statements that would end the transaction of the delivery, read files, or wait for a stream of data. */
const REFUSED: [RegExp, string][] = [
  [
    /^\s*(BEGIN|START\s+TRANSACTION|COMMIT|ROLLBACK|SAVEPOINT|END|ABORT)\b/i,
    'must not control the transaction',
  ],
  [/\bLOAD\s+(DATA|XML)\b[\s\S]*\bLOCAL\b/i, 'must not load local files'],
  [/\bCOPY\b[\s\S]*\b(STDIN|STDOUT|PROGRAM)\b/i, 'must not copy streams or run programs'],
  [/;\s*\S/, 'must be one statement; remove what follows the semicolon'],
];

/**
 * Reads a statement with named parameters: `:name` outside of texts, quoted names, comments and casts. Its
 * values are bound, never written into the text.
 */
export function parseStatement(text: string, dialect: Dialect): StatementResult {
  const tokens = new RegExp(`(?<opaque>${opaque(dialect.name)})|${PARAMETER}`, 'g');
  const names: string[] = [];
  let sql = '';
  let bare = '';
  let end = 0;
  for (const match of text.matchAll(tokens)) {
    const [token] = match;
    const before = text.slice(end, match.index);
    end = match.index + token.length;
    const isOpaque = match.groups?.['opaque'] !== undefined;
    if (isOpaque && /^\/\*M?!/.test(token))
      return { ok: false, issue: 'must not have executable comments (/*! … */)' };
    if (!isOpaque && /^:\w/.test(token)) names.push(token.slice(1));
    const written = !isOpaque && /^:\w/.test(token) ? dialect.placeholder(names.length) : token;
    sql += before + written;
    bare += before + (isOpaque ? ' ' : token);
  }
  sql += text.slice(end);
  bare += text.slice(end);
  if (bare.includes('?') && dialect.name === 'mysql') {
    return { ok: false, issue: 'must not have question marks as parameters; write :name' };
  }
  const refused = REFUSED.find(([pattern]) => pattern.test(bare));
  if (refused !== undefined) return { ok: false, issue: refused[1] };
  return { ok: true, statement: { sql: sql.replace(/;\s*$/, ''), names } };
}
