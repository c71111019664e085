import axios from 'axios';
import { isJsonObject } from '../../kernel/json';
import { type GuardedAgents } from '../network-connect';
import { plain } from '../schema-parts';
import { faultVerdict, retryAfterSeconds, type Verdict } from './classify';
import { endedBy } from './exchange';
import { type AuthConfiguration, type OAuth2Configuration } from './schema';

export type Failure = Exclude<Verdict, { kind: 'delivered' }> & { retryAfterSeconds?: number };

export type TokenResult = { ok: true; token: string } | { ok: false; failure: Failure };

/** The header that proves who sends, where it never changes; undefined for none and for OAuth 2.0. */
export function constantAuthHeader(auth: AuthConfiguration = { type: 'none' }): [string, string] | undefined {
  switch (auth.type) {
    case 'none':
    case 'oauth2':
      return undefined;
    case 'basic':
      return ['authorization', basic(auth.username, plain(auth.password))];
    case 'bearer':
      return ['authorization', `Bearer ${plain(auth.token ?? { env: auth.token_env_var ?? '' })}`];
    case 'api_key':
      return [(auth.header ?? 'X-API-Key').toLowerCase(), plain(auth.value)];
  }
}

const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

const REQUEST_TIMEOUT_MS = 10_000;
/** How long a token is kept whose server does not say how long it lives. */
const DEFAULT_LIFETIME_SECONDS = 300;
/** A token is renewed this long before its end, or after nine tenths of a short life. */
const SKEW_SECONDS = 30;

/**
 * Access tokens by client credentials (RFC 6749, 4.4): kept until shortly before they expire, asked for once
 * however many deliveries wait for it. Nothing of the server's answer but its error code is shown.
 */
export class TokenSource {
  private cached: { token: string; until: number } | undefined;
  private pending: Promise<TokenResult> | undefined;

  constructor(
    private readonly configuration: OAuth2Configuration,
    private readonly agents: GuardedAgents,
    private readonly now: () => number,
  ) {}

  /** The token for hiding it in what a receiver echoes. */
  get current(): string | undefined {
    return this.cached?.token;
  }

  async token(signal: AbortSignal): Promise<TokenResult> {
    if (this.cached !== undefined && this.now() < this.cached.until)
      return { ok: true, token: this.cached.token };
    this.pending ??= this.request().finally(() => (this.pending = undefined));
    return endingWith(this.pending, signal);
  }

  /** A receiver refused this token; the next call asks for another, unless one has come meanwhile. */
  forget(token: string): void {
    if (this.cached?.token === token) this.cached = undefined;
  }

  private async request(): Promise<TokenResult> {
    const { client_id, scopes, audience, client_authentication, token_url } = this.configuration;
    const secret = plain(this.configuration.client_secret);
    const form = new URLSearchParams({ grant_type: 'client_credentials' });
    if (scopes !== undefined && scopes.length > 0) form.set('scope', scopes.join(' '));
    if (audience !== undefined) form.set('audience', audience);
    const inBody = client_authentication === 'body';
    if (inBody) {
      form.set('client_id', client_id);
      form.set('client_secret', secret);
    }
    try {
      const answer = await axios.post<unknown>(token_url, form.toString(), {
        ...this.agents,
        timeout: REQUEST_TIMEOUT_MS,
        maxContentLength: 65_536,
        validateStatus: () => true,
        headers: {
          accept: 'application/json',
          'content-type': 'application/x-www-form-urlencoded',
          // RFC 6749, 2.3.1: both halves are form-encoded first.
          ...(inBody
            ? {}
            : { authorization: basic(encodeURIComponent(client_id), encodeURIComponent(secret)) }),
        },
      });
      return this.accept(answer.status, answer.data, String(answer.headers['retry-after'] ?? ''));
    } catch (error) {
      const failure = faultVerdict(error as Error);
      return {
        ok: false,
        failure: { ...failure, message: `Asking for an access token: ${failure.message}` },
      };
    }
  }

  private accept(status: number, data: unknown, retryAfter: string): TokenResult {
    const fields = isJsonObject(data) ? data : {};
    const token = fields['access_token'];
    if (status === 200 && typeof token === 'string' && /^[\x21-\x7e]+$/.test(token)) {
      const lifetime = Number(fields['expires_in'] ?? DEFAULT_LIFETIME_SECONDS) || DEFAULT_LIFETIME_SECONDS;
      const useful = lifetime - Math.min(SKEW_SECONDS, lifetime * 0.1);
      this.cached = { token, until: this.now() + useful * 1000 };
      return { ok: true, token };
    }
    const error = typeof fields['error'] === 'string' ? fields['error'] : '';
    return { ok: false, failure: tokenFailure(status, error, retryAfterSeconds(retryAfter, this.now())) };
  }
}

function tokenFailure(status: number, error: string, retryAfter: number | undefined): Failure {
  // Only the error codes of RFC 6749 are shown: a free text could repeat the secret.
  const code = /^[a-z_]{1,40}$/.test(error) ? ` (${error})` : '';
  const said = `The token server answered ${status}${code}`;
  if (status === 429 || status === 408 || status >= 500) {
    return {
      kind: 'retry',
      code: status === 429 ? 'RATE_LIMITED' : 'RECEIVER_UNAVAILABLE',
      message: `${said}; the delivery is tried again.`,
      ...(retryAfter === undefined ? {} : { retryAfterSeconds: retryAfter }),
    };
  }
  if (status >= 300 && status < 400) {
    return {
      kind: 'refused',
      code: 'REDIRECT_REFUSED',
      message: `${said}: redirects are not followed. Correct auth.token_url.`,
    };
  }
  const message = `${said} without a token. Check auth.token_url, client_id, client_secret and scopes.`;
  return { kind: 'refused', code: 'AUTHENTICATION_FAILED', message };
}

/** The shared request goes on for the others when one delivery's time is up. */
function endingWith(pending: Promise<TokenResult>, signal: AbortSignal): Promise<TokenResult> {
  return new Promise((resolve) => {
    const stop = (): void => resolve({ ok: false, failure: faultVerdict(endedBy(signal)) });
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop, { once: true });
    void pending.then((result) => {
      signal.removeEventListener('abort', stop);
      resolve(result);
    });
  });
}
