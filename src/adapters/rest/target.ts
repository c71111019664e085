import { type NetworkGuard } from '../network-guard';
import { escapePathStep, escapeQuery, parseTemplate, type Template } from '../template';

/** Where requests go: one origin, and a path that may have placeholders. */
export interface Target {
  origin: string;
  /** Path and query; begins with a slash. */
  path: Template;
}

export type ParsedTarget = { ok: true; target: Target } | { ok: false; issue: string };

/**
 * Splits an endpoint. Scheme, host and port take no placeholders: a job could otherwise send the
 * destination's credentials to a host of its choosing, and there would be no one pool to keep.
 */
export function parseTarget(endpoint: string, guard: NetworkGuard): ParsedTarget {
  if (/[\s\\]|[^\x21-\uffff]/.test(endpoint))
    return fault('must not contain blanks, control characters or backslashes');
  const [, origin = '', rest = ''] = /^([^/?#]*:\/\/[^/?#]*)([^#]*)/.exec(endpoint) ?? [];
  if (origin === '') return fault(guard.urlIssue(endpoint) ?? 'must begin with http:// or https://');
  if (/[{}]/.test(origin))
    return fault('must not have placeholders before the path; write host and port out');
  const issue = guard.urlIssue(origin);
  if (issue !== undefined) return fault(issue);
  const queryAt = rest.includes('?') ? rest.indexOf('?') : rest.length;
  const path = parseTemplate(rest.slice(0, queryAt), escapePathStep, literal);
  const query = parseTemplate(rest.slice(queryAt), escapeQuery, literal);
  if (!path.ok) return fault(path.issue);
  if (!query.ok) return fault(query.issue);
  return {
    ok: true,
    target: { origin: new URL(origin).origin, path: joined(path.template, query.template) },
  };
}

const fault = (issue: string): ParsedTarget => ({ ok: false, issue });

function joined(path: Template, query: Template): Template {
  if (path.constant !== undefined && query.constant !== undefined) {
    // The way every client writes it: dot steps gone, an empty path as a slash.
    const url = new URL(`http://host${path.constant}${query.constant}`);
    const constant = url.pathname + url.search;
    return { constant, render: () => ({ ok: true, value: constant }) };
  }
  return {
    constant: undefined,
    render: (source) => {
      const start = path.render(source);
      const end = query.render(source);
      if (!start.ok) return start;
      if (!end.ok) return end;
      return { ok: true, value: `${start.value.startsWith('/') ? '' : '/'}${start.value}${end.value}` };
    },
  };
}

/** What the author wrote, percent-encoded where a request line could not carry it; `%41` stays as it is. */
const literal = (text: string): string =>
  text.replace(/[^\x21-\x7e]|["<>^`{|}]/gu, (character) =>
    encodeURIComponent(character.replace(/\p{Surrogate}/u, '\uFFFD')),
  );
