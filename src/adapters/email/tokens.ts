import axios from 'axios';
import { isJsonObject } from '../../kernel/json';
import { connectionFailure, type Failure } from '../connection-fault';
import { guardedAgents } from '../network-connect';
import { type NetworkGuard } from '../network-guard';
import { plain } from '../schema-parts';
import { type OAuth2Configuration } from './schema';

const REQUEST_TIMEOUT_MS = 10_000;
const DEFAULT_LIFETIME_SECONDS = 300;
/** A token is renewed this long before its end, or after nine tenths of a short life. */
const SKEW_SECONDS = 30;

/** As long as this, a refusal is taken for one of the token before. */
const RENEWED_MS = 5000;

/** Why there is no token; an error only because the mail library hands errors on. */
export class TokenFailure extends Error {
  constructor(readonly failure: Failure) {
    super(failure.message);
  }
}

/**
 * Access tokens for XOAUTH2, by refresh token or client credentials (RFC 6749), asked for through the network guard
 * (the mail library's own request would go around it) and once for all connections that want one.
 */
export class TokenSource {
  private cached: { token: string; until: number; since: number } | undefined;
  private pending: Promise<string> | undefined;

  constructor(
    private readonly configuration: OAuth2Configuration,
    private readonly guard: NetworkGuard,
    private readonly now: () => number,
  ) {}

  /** The token for hiding it in what a server echoes. */
  get current(): string | undefined {
    return this.cached?.token;
  }

  /** `renew`: the server refused the last one. Rejects with TokenFailure. */
  token(renew: boolean): Promise<string> {
    if (renew) this.forget();
    const { cached } = this;
    if (cached !== undefined && this.now() < cached.until) return Promise.resolve(cached.token);
    this.pending ??= this.request().finally(() => (this.pending = undefined));
    return this.pending;
  }

  /** The server refused a token; several connections may find that at once, so one that is quite new stays. */
  forget(): void {
    if (this.cached !== undefined && this.now() - this.cached.since >= RENEWED_MS) this.cached = undefined;
  }

  private async request(): Promise<string> {
    try {
      return await this.ask();
    } catch (error) {
      if (error instanceof TokenFailure) throw error;
      const failure = connectionFailure(error as Error);
      throw new TokenFailure({ ...failure, message: `Asking for an access token: ${failure.message}` });
    }
  }

  private async ask(): Promise<string> {
    const { token_url, client_id, client_secret, refresh_token, scopes = [] } = this.configuration;
    const form = new URLSearchParams({ client_id, client_secret: plain(client_secret) });
    form.set('grant_type', refresh_token === undefined ? 'client_credentials' : 'refresh_token');
    if (refresh_token !== undefined) form.set('refresh_token', plain(refresh_token));
    if (scopes.length > 0) form.set('scope', scopes.join(' '));
    const answer = await axios.post<unknown>(token_url, form.toString(), {
      ...guardedAgents(this.guard),
      timeout: REQUEST_TIMEOUT_MS,
      maxContentLength: 65_536,
      validateStatus: () => true,
      headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
    });
    return this.accept(answer.status, answer.data);
  }

  private accept(status: number, data: unknown): string {
    const fields = isJsonObject(data) ? data : {};
    const token = fields['access_token'];
    if (status !== 200 || typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) {
      throw new TokenFailure(refusal(status));
    }
    const lifetime = Number(fields['expires_in'] ?? DEFAULT_LIFETIME_SECONDS) || DEFAULT_LIFETIME_SECONDS;
    const useful = lifetime - Math.min(SKEW_SECONDS, lifetime * 0.1);
    const since = this.now();
    this.cached = { token, since, until: since + useful * 1000 };
    return token;
  }
}

function refusal(status: number): Failure {
  const said = `The token server answered ${status} without a token`;
  if (status === 429 || status >= 500)
    return { kind: 'retry', code: 'RECEIVER_UNAVAILABLE', message: `${said}; the delivery is tried again.` };
  const message = `${said}. Check the fields under credentials.oauth2.`;
  return { kind: 'refused', code: 'AUTHENTICATION_FAILED', message };
}
