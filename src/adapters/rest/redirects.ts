import { type Client, type Dispatcher } from 'undici';
import { type Answer, exchange, type ExchangeRequest, type Fault } from './exchange';
import { isCredentialHeader } from './schema';

export interface RedirectPolicy {
  /** Hops at most; 0 follows none. */
  max: number;
  origin: string;
  pool: Dispatcher;
  /** A connection to another origin, behind the guard as every other. */
  elsewhere: (origin: string) => Client;
  /** Lower-case name of the header that carries the endpoint's own key, where it has one. */
  authHeader: string | undefined;
  maxBytes: number;
  signal: AbortSignal;
}

/** They repeat the request as it was. A 303 names a page about the result, which would deliver nothing. */
const REPEATING = new Set([301, 302, 307, 308]);

/**
 * Follows an answer to where it leads: the same method and body, by a fresh connection for another origin,
 * without the credentials there, and never from HTTPS to HTTP. The last answer is the one that counts; one
 * that may not be followed stays the answer.
 */
export async function follow(
  first: Answer | Fault,
  request: ExchangeRequest,
  policy: RedirectPolicy,
): Promise<Answer | Fault> {
  let answer = first;
  let url = new URL(request.path, policy.origin);
  let hop = request;
  for (let hops = 0; hops < policy.max && answer.kind === 'answer'; hops++) {
    const next = nextUrl(answer, url);
    if (next === undefined) break;
    const path = next.pathname + next.search;
    // Once dropped, credentials do not come back, even where a later hop leads home again.
    hop =
      next.origin === url.origin ? { ...hop, path } : { ...withoutCredentials(hop, policy.authHeader), path };
    answer = await send(next.origin, hop, policy);
    url = next;
  }
  return answer;
}

function nextUrl({ statusCode, location }: Answer, from: URL): URL | undefined {
  if (!REPEATING.has(statusCode) || location === undefined) return undefined;
  if (!URL.canParse(location, from.href)) return undefined;
  const next = new URL(location, from);
  if (next.protocol !== 'https:' && next.protocol !== from.protocol) return undefined;
  return next.username === '' && next.password === '' ? next : undefined;
}

async function send(
  origin: string,
  request: ExchangeRequest,
  policy: RedirectPolicy,
): Promise<Answer | Fault> {
  const { maxBytes, signal } = policy;
  if (origin === policy.origin) return exchange(policy.pool, request, maxBytes, signal);
  const client = policy.elsewhere(origin);
  try {
    return await exchange(client, request, maxBytes, signal);
  } finally {
    await client.destroy();
  }
}

function withoutCredentials(request: ExchangeRequest, authHeader: string | undefined): ExchangeRequest {
  const headers: string[] = [];
  for (let i = 0; i + 1 < request.headers.length; i += 2) {
    const [name = '', value = ''] = request.headers.slice(i, i + 2);
    if (name !== authHeader && !isCredentialHeader(name)) headers.push(name, value);
  }
  return { ...request, headers };
}
