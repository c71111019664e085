import { type Issue } from '../../kernel/errors';
import { type Delivery } from '../port';
import { type Signatures } from '../signature';
import { escapeHeader, parseTemplate, type Template } from '../template';
import { plain } from '../schema-parts';
import { CLOUDEVENTS_HEADERS } from './cloudevents';
import { type RestConfiguration } from './schema';

/** Headers that say whose delivery it is, prove it, or frame the message: not for a configuration to set. */
const RESERVED =
  /^(webhook-.*|x-zenia-signature|idempotency-key|x-tenant-id|x-correlation-id|x-distribution-.*|traceparent|host|content-length|content-encoding|transfer-encoding|connection|keep-alive|expect|te|trailer|upgrade|proxy-.*)$/;

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

export interface CustomHeader {
  name: string;
  value: Template;
}

/** The custom headers compiled; issues name each header. */
export function parseHeaders(configuration: RestConfiguration): { headers: CustomHeader[]; issues: Issue[] } {
  const headers: CustomHeader[] = [];
  const issues: Issue[] = [];
  const taken = new Set([...authHeaderOf(configuration), ...formatHeaders(configuration)]);
  for (const [name, value] of Object.entries(configuration.headers ?? {})) {
    const issue = nameIssue(name, taken);
    // A reference to an environment variable has no text yet; it is parsed again once it has.
    const parsed = typeof value === 'string' ? parseValue(value) : { ok: true as const, template: undefined };
    if (issue !== undefined) issues.push({ field: `configuration.headers.${name}`, issue });
    else if (!parsed.ok) issues.push({ field: `configuration.headers.${name}`, issue: parsed.issue });
    else if (parsed.template !== undefined)
      headers.push({ name: name.toLowerCase(), value: parsed.template });
    else if (typeof value !== 'string') headers.push({ name, value: unresolved(value) });
    taken.add(name.toLowerCase());
  }
  return { headers, issues };
}

const unresolved = (value: { env: string }): Template => ({
  constant: undefined,
  render: () => ({ ok: true, value: plain(value) }),
});

function parseValue(value: string): ReturnType<typeof parseTemplate> {
  if (/[^\t\x20-\x7e]/.test(value)) {
    return { ok: false, issue: 'must not contain line breaks, control characters or anything but ASCII' };
  }
  return parseTemplate(value, escapeHeader);
}

function nameIssue(name: string, taken: ReadonlySet<string>): string | undefined {
  const lower = name.toLowerCase();
  if (!TOKEN.test(name)) return 'is not a valid name for a header; use letters, digits and hyphens';
  if (RESERVED.test(lower)) return 'is set by the service and cannot be configured; remove it';
  if (taken.has(lower))
    return 'is set twice, by another spelling, by auth or by body_format; remove one of them';
  return undefined;
}

function authHeaderOf({ auth }: RestConfiguration): string[] {
  if (auth === undefined || auth.type === 'none') return [];
  return [auth.type === 'api_key' ? (auth.header ?? 'X-API-Key').toLowerCase() : 'authorization'];
}

/** What a CloudEvents format says by headers is not for a configuration to contradict. */
function formatHeaders({ body_format }: RestConfiguration): readonly string[] {
  if (body_format === 'cloudevents_structured') return ['content-type'];
  return body_format === 'cloudevents_binary' ? CLOUDEVENTS_HEADERS : [];
}

/** Why the header of an API key cannot be used, if so. */
export const apiKeyHeaderIssue = (name: string): string | undefined => nameIssue(name, new Set());

/** Names from submitters may hold anything; a header may not. */
const safe = (value: string): string => (/^[\x20-\x7e]*$/.test(value) ? value : (escapeHeader(value) ?? ''));

/** What every delivery carries, as undici's flat list; `timestamp` in unix seconds. */
export function deliveryHeaders(
  delivery: Delivery,
  timestamp: number,
  signatures: Signatures | undefined,
): string[] {
  const headers = [
    'webhook-id',
    delivery.deliveryId,
    'webhook-timestamp',
    String(timestamp),
    'idempotency-key',
    delivery.deliveryId,
    'x-tenant-id',
    safe(delivery.tenantId),
    'x-correlation-id',
    safe(delivery.correlationId),
    'x-distribution-id',
    safe(delivery.distributionId),
    'x-distribution-attempt',
    String(delivery.attemptNumber),
  ];
  if (signatures !== undefined) {
    headers.push('webhook-signature', signatures.webhook, 'x-zenia-signature', signatures.zenia);
  }
  if (delivery.traceparent !== undefined) headers.push('traceparent', safe(delivery.traceparent));
  return headers;
}
