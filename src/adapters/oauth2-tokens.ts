import axios from 'axios';
import { isJsonObject } from '../kernel/json';
import { untilEnded } from './ended-by';
import { type Failure, retryAfterSeconds } from './failure';
import { type GuardedAgents } from './network-connect';
import { networkFault } from './network-faults';
import { plain, type SecretValue } from './schema-parts';

/** Refresh token where there is one, client credentials otherwise (RFC 6749, 6 and 4.4). */
export interface OAuth2Configuration {
  token_url: string;
  client_id: string;
  client_secret: SecretValue;
  refresh_token?: SecretValue;
  scopes?: string[];
  audience?: string;
  client_authentication?: 'header' | 'body';
}

export interface TokenOptions {
  /** Where the configuration stands, for what is to be corrected: `auth`. */
  field: string;
  agents: GuardedAgents;
  /** Milliseconds since the epoch. */
  now: () => number;
}

export type TokenResult = { ok: true; token: string } | { ok: false; failure: Failure };

const REQUEST_TIMEOUT_MS = 10_000;
/** How long a token is kept whose server does not say how long it lives. */
const DEFAULT_LIFETIME_SECONDS = 300;
/** A token is renewed this long before its end, or after nine tenths of a short life. */
const SKEW_SECONDS = 30;
/** As long as this, a refusal of nobody knows which token is taken for one of the token before. */
const RENEWED_MS = 5000;

/**
 * Access tokens, asked for through the network guard: kept until shortly before they expire, asked for once
 * however many deliveries wait for one. Nothing of the server's answer but its error code is shown.
 */
export class TokenSource {
  private cached: { token: string; until: number; since: number } | undefined;
  private pending: Promise<TokenResult> | undefined;
  private readonly asked: { form: URLSearchParams; authorization?: string };

  constructor(
    private readonly configuration: OAuth2Configuration,
    private readonly options: TokenOptions,
  ) {
    this.asked = requestOf(configuration);
  }

  /** The token for hiding it in what a receiver echoes. */
  get current(): string | undefined {
    return this.cached?.token;
  }

  /** The shared request goes on for the others when one delivery's time is up. */
  async token(signal?: AbortSignal): Promise<TokenResult> {
    if (this.cached !== undefined && this.options.now() < this.cached.until)
      return { ok: true, token: this.cached.token };
    this.pending ??= this.request().finally(() => (this.pending = undefined));
    if (signal === undefined) return this.pending;
    return untilEnded(this.pending, signal).catch((error: Error) => failure(networkFault(error)));
  }

  /**
   * A receiver refused this token; the next call asks for another, unless one has come meanwhile. Where it is
   * not known which token was refused, one that is quite new stays.
   */
  forget(token?: string): void {
    if (this.cached === undefined) return;
    const isRefused =
      token === undefined
        ? this.options.now() - this.cached.since >= RENEWED_MS
        : this.cached.token === token;
    if (isRefused) this.cached = undefined;
  }

  private async request(): Promise<TokenResult> {
    const { form, authorization } = this.asked;
    try {
      const answer = await axios.post<unknown>(this.configuration.token_url, form.toString(), {
        ...this.options.agents,
        timeout: REQUEST_TIMEOUT_MS,
        // ETIMEDOUT: axios's own code is also that of a connection that broke.
        transitional: { clarifyTimeoutError: true },
        maxContentLength: 65_536,
        validateStatus: () => true,
        headers: {
          accept: 'application/json',
          'content-type': 'application/x-www-form-urlencoded',
          ...(authorization === undefined ? {} : { authorization }),
        },
      });
      return this.accept(answer.status, answer.data, String(answer.headers['retry-after'] ?? ''));
    } catch (error) {
      const fault = networkFault(error as Error);
      return failure({ ...fault, message: `Asking for an access token: ${fault.message}` });
    }
  }

  private accept(status: number, data: unknown, retryAfter: string): TokenResult {
    const fields = isJsonObject(data) ? data : {};
    const token = fields['access_token'];
    const since = this.options.now();
    if (status === 200 && typeof token === 'string' && /^[\x21-\x7e]+$/.test(token)) {
      const lifetime = Number(fields['expires_in'] ?? DEFAULT_LIFETIME_SECONDS) || DEFAULT_LIFETIME_SECONDS;
      const useful = lifetime - Math.min(SKEW_SECONDS, lifetime * 0.1);
      this.cached = { token, since, until: since + useful * 1000 };
      return { ok: true, token };
    }
    // Only the error codes of RFC 6749 are shown: a free text could repeat the secret.
    const { error } = fields;
    const code = typeof error === 'string' && /^[a-z_]{1,40}$/.test(error) ? ` (${error})` : '';
    const said = `The token server answered ${status}${code}`;
    return failure(refusal(status, said, this.options.field, retryAfterSeconds(retryAfter, since)));
  }
}

const failure = (why: Failure): TokenResult => ({ ok: false, failure: why });

function requestOf(configuration: OAuth2Configuration): { form: URLSearchParams; authorization?: string } {
  const { client_id, scopes = [], audience, client_authentication, refresh_token } = configuration;
  const secret = plain(configuration.client_secret);
  const form = new URLSearchParams({
    grant_type: refresh_token === undefined ? 'client_credentials' : 'refresh_token',
  });
  if (refresh_token !== undefined) form.set('refresh_token', plain(refresh_token));
  if (scopes.length > 0) form.set('scope', scopes.join(' '));
  if (audience !== undefined) form.set('audience', audience);
  if (client_authentication !== 'body') {
    // RFC 6749, 2.3.1: both halves are form-encoded first.
    return { form, authorization: basic(encodeURIComponent(client_id), encodeURIComponent(secret)) };
  }
  form.set('client_id', client_id);
  form.set('client_secret', secret);
  return { form };
}

export const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

function refusal(status: number, said: string, field: string, retryAfter: number | undefined): Failure {
  if (status === 429 || status === 408 || status >= 500) {
    return {
      kind: 'retry',
      code: status === 429 ? 'RATE_LIMITED' : 'RECEIVER_UNAVAILABLE',
      message: `${said}; the delivery is tried again.`,
      retryAfterSeconds: retryAfter,
    };
  }
  if (status >= 300 && status < 400) {
    const message = `${said}: redirects are not followed. Correct ${field}.token_url.`;
    return { kind: 'refused', code: 'REDIRECT_REFUSED', message };
  }
  const message = `${said} without a token. Check the fields under ${field}.`;
  return { kind: 'refused', code: 'AUTHENTICATION_FAILED', message };
}
