import { parseTemplate, type Template, type TemplateSource } from '../template';
import { type Dialect, identifierIssue } from './dialect';

export type TableName = (
  source: TemplateSource,
) => { ok: true; parts: string[] } | { ok: false; issue: string };
export type ParsedTable = { ok: true; name: TableName; constant: boolean } | { ok: false; issue: string };

/** Dots separate schema and table, but not inside a placeholder or double quotes. */
const PIECE = /"(?:[^"]|"")*"|\{\{|\}\}|\{[^{}]*\}|[^.{}"]+|[.{}"]/g;

/**
 * Compiles `schema.table`. A value from a job stays within its part, whatever dots or quotes it has: the
 * parts are quoted one by one when SQL is written.
 */
export function parseTable(text: string, dialect: Dialect): ParsedTable {
  const templates: Template[] = [];
  for (const part of partsOf(text)) {
    const parsed = parseTemplate(part, (value) => value);
    if (!parsed.ok) return parsed;
    const { constant } = parsed.template;
    const issue = constant === undefined ? undefined : identifierIssue(dialect, constant);
    if (issue !== undefined) return { ok: false, issue: `has a part that ${issue}` };
    templates.push(parsed.template);
  }
  if (templates.length > 4) return { ok: false, issue: 'has too many parts; write schema.table' };
  return {
    ok: true,
    name: renderer(templates, dialect),
    constant: templates.every((one) => one.constant !== undefined),
  };
}

function partsOf(text: string): string[] {
  const parts = [''];
  for (const [piece] of text.matchAll(PIECE)) {
    if (piece === '.') {
      parts.push('');
      continue;
    }
    const isQuoted = piece.length > 1 && piece.startsWith('"');
    parts[parts.length - 1] += isQuoted ? piece.slice(1, -1).replaceAll('""', '"') : piece;
  }
  return parts;
}

function renderer(templates: readonly Template[], dialect: Dialect): TableName {
  return (source) => {
    const parts: string[] = [];
    for (const template of templates) {
      const rendered = template.render(source);
      if (!rendered.ok) return rendered;
      const issue = identifierIssue(dialect, rendered.value);
      if (issue !== undefined) return { ok: false, issue: `the name made from the job's values ${issue}` };
      parts.push(rendered.value);
    }
    return { ok: true, parts };
  };
}
