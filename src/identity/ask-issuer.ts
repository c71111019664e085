const PATIENCE_MS = 5000;
const MOST_BYTES = 1_000_000;

/** Whoever can change the answer on its way can sign in as anybody. */
export function isSafeUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  const isHere = ['127.0.0.1', '[::1]', 'localhost'].includes(hostname);
  return protocol === 'https:' || (protocol === 'http:' && isHere);
}

/** It understood the question and says no. */
export class IssuerRefusal extends Error {}

/**
 * JSON from an issuer, at an address that is the operator's word: it may lead inside, and for that no redirect is
 * followed.
 */
export async function askIssuer(what: string, url: string, question: RequestInit = {}): Promise<unknown> {
  const answer = await fetch(url, {
    ...question,
    redirect: 'error',
    signal: AbortSignal.timeout(PATIENCE_MS),
    headers: { ...question.headers, accept: 'application/json' },
  });
  if (answer.status === 400) throw new IssuerRefusal(`${what} answers 400`);
  if (!answer.ok) throw new Error(`${what} answers ${answer.status}`);
  const text = await answer.text();
  if (text.length > MOST_BYTES) throw new Error(`${what} answers with more than 1 MB`);
  return JSON.parse(text) as unknown;
}
