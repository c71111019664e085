import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { errors, jwtVerify } from 'jose';
import { z } from 'zod';
import { type Clock } from '../kernel/clock';
import { ApiError, notFound } from '../kernel/errors';
import { isTenantId, type TenantId } from '../kernel/ids';
import { type SecretBox } from '../kernel/secret-box';
import { askIssuer, IssuerRefusal } from './ask-issuer';
import { Discovery, issuerAway } from './discovery';

export interface IssuerSettings {
  issuer: string;
  clientId: string;
  /** Without one the client is a public one, and PKCE alone protects the code. */
  clientSecret: string | undefined;
  /** Of our callback, as the issuer knows it. */
  redirectUrl: string;
}

export interface IssuerSignInParts {
  /** Undefined: nobody signs in this way. */
  settings: IssuerSettings | undefined;
  box: SecretBox;
  clock: Clock;
  onFault: (error: unknown) => void;
}

/** What the browser brings back. */
export interface IssuerAnswer {
  code?: string | undefined;
  state?: string | undefined;
  iss?: string | undefined;
}

/** Whom the issuer vouches for; the tenant is the one that the sign-in was begun for. */
export interface Vouched {
  issuer: string;
  tenantId: TenantId | null;
  email: string;
}

/** For so long somebody may take to sign in at the issuer. */
export const SIGN_IN_SECONDS = 600;
const TOLERANCE_SECONDS = 10;
const PLACE = 'cookie of a sign-in by issuer';

const begun = z.object({
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  tenantId: z.custom<TenantId>((id) => typeof id === 'string' && isTenantId(id)).nullable(),
  until: z.number(),
});

type Begun = z.infer<typeof begun>;

const tokens = z.object({ id_token: z.string().max(20_000) });

const claims = z.object({
  nonce: z.string(),
  azp: z.string().optional(),
  email: z.string().min(3).max(254).toLowerCase(),
  email_verified: z.literal(true),
});

/**
 * Sign-in at an OpenID Connect issuer: authorization code with PKCE. What was begun is kept in the browser, sealed, so
 * that any process may end it, and a code that was given to another browser is worth nothing.
 */
export class IssuerSignIn {
  private readonly discovery: Discovery | undefined;

  constructor(private readonly parts: IssuerSignInParts) {
    const { settings, clock, onFault } = parts;
    this.discovery = settings && new Discovery(settings.issuer, clock, onFault);
  }

  get isConfigured(): boolean {
    return this.discovery !== undefined;
  }

  /** Where the browser goes, and what it keeps meanwhile. */
  async begin(tenantId: TenantId | null): Promise<{ location: string; kept: string }> {
    const { settings, discovery } = this.configured();
    const { authorization_endpoint } = await discovery.document();
    const [state, nonce, verifier] = [newSecret(), newSecret(), newSecret()];
    const until = this.now() + SIGN_IN_SECONDS * 1000;
    const kept: Begun = { state, nonce, verifier, tenantId, until };
    const url = new URL(authorization_endpoint);
    const question = {
      response_type: 'code',
      client_id: settings.clientId,
      redirect_uri: settings.redirectUrl,
      scope: 'openid email',
      state,
      nonce,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    };
    for (const [name, value] of Object.entries(question)) url.searchParams.set(name, value);
    return { location: url.href, kept: this.parts.box.seal(JSON.stringify(kept), PLACE) };
  }

  /** @throws ApiError AUTHENTICATION_FAILED for whatever is not as it has to be. */
  async end(answer: IssuerAnswer, kept: string | undefined): Promise<Vouched> {
    const { settings } = this.configured();
    const { nonce, verifier, tenantId } = this.begunBy(kept, answer.state);
    const { code, iss } = answer;
    if (code === undefined || (iss !== undefined && iss !== settings.issuer)) throw refused();
    const token = await this.exchanged(code, verifier);
    return { issuer: settings.issuer, tenantId, email: await this.emailIn(token, nonce) };
  }

  private begunBy(kept: string | undefined, state = ''): Begun {
    const read = begun.safeParse(this.opened(kept));
    if (!read.success || read.data.until < this.now() || !isEqual(read.data.state, state)) {
      const why = `this browser did not begin it, or more than ${SIGN_IN_SECONDS / 60} minutes ago; begin again`;
      throw new ApiError('AUTHENTICATION_FAILED', why);
    }
    return read.data;
  }

  private opened(kept = ''): unknown {
    try {
      return JSON.parse(this.parts.box.open(kept, PLACE));
    } catch {
      return undefined;
    }
  }

  private async exchanged(code: string, verifier: string): Promise<string> {
    const { settings, discovery } = this.configured();
    const { token_endpoint } = await discovery.document();
    const { clientId, clientSecret, redirectUrl } = settings;
    const body = new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUrl,
      code_verifier: verifier,
    });
    if (clientSecret === undefined) body.set('client_id', clientId);
    const headers = clientSecret === undefined ? {} : { authorization: basic(clientId, clientSecret) };
    try {
      const given = await askIssuer('the token endpoint of OIDC_ISSUER', token_endpoint, {
        method: 'POST',
        headers,
        body,
      });
      return tokens.parse(given).id_token;
    } catch (error) {
      this.parts.onFault(error);
      throw error instanceof IssuerRefusal ? refused() : issuerAway();
    }
  }

  private async emailIn(token: string, nonce: string): Promise<string> {
    const { settings, discovery } = this.configured();
    try {
      const { payload } = await jwtVerify(token, discovery.keys.find, {
        issuer: settings.issuer,
        audience: settings.clientId,
        algorithms: ['RS256', 'PS256', 'ES256'],
        requiredClaims: ['exp', 'iat', 'sub'],
        clockTolerance: TOLERANCE_SECONDS,
        currentDate: this.parts.clock.now(),
      });
      const read = claims.safeParse(payload);
      const isForUs = read.success && (read.data.azp ?? settings.clientId) === settings.clientId;
      if (!isForUs || !isEqual(read.data.nonce, nonce)) throw refused();
      return read.data.email;
    } catch (error) {
      // A TypeError is a key that does not fit its algorithm.
      if (error instanceof errors.JOSEError || error instanceof TypeError) throw refused();
      throw error;
    }
  }

  private configured(): { settings: IssuerSettings; discovery: Discovery } {
    const { settings } = this.parts;
    if (settings === undefined || this.discovery === undefined) throw notFound('sign-in by an issuer');
    return { settings, discovery: this.discovery };
  }

  private now(): number {
    return this.parts.clock.now().getTime();
  }
}

const newSecret = (): string => randomBytes(32).toString('base64url');

const refused = (): ApiError =>
  new ApiError('AUTHENTICATION_FAILED', 'the issuer did not vouch for a verified e-mail address');

function isEqual(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** As RFC 6749 wants it: each half encoded as in a form. */
function basic(id: string, secret: string): string {
  const encoded = (text: string): string => encodeURIComponent(text).replaceAll('%20', '+');
  return `Basic ${Buffer.from(`${encoded(id)}:${encoded(secret)}`).toString('base64')}`;
}
