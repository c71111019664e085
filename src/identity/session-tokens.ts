import { randomBytes } from 'node:crypto';
import { errors, jwtVerify, SignJWT } from 'jose';
import { type Clock } from '../kernel/clock';
import { isUuid } from '../kernel/ids';
import { type SecretBox } from '../kernel/secret-box';

/** What an access token of the console says; rights are looked up, the scopes in it are for the console to show. */
export interface SessionClaims {
  sessionId: string;
  userId: string;
  tenantId: string | null;
  scopes: readonly string[];
}

export const ACCESS_SECONDS = 600;

/** Tells our own tokens from those of JWT_SECRET_KEY and JWT_JWKS_URL; another key stands behind it. */
const KEY_ID = 'distributor-session';
const PARTIES = { issuer: 'distributor', audience: 'distributor' };

/**
 * Access tokens of console sessions: HS256 under keys derived from the key ring, so that every process that shares
 * the ring accepts them and JWT_SECRET_KEY, which upstream services know, does not make any.
 */
export class SessionTokens {
  private readonly keys: readonly Buffer[];

  constructor(
    box: SecretBox,
    private readonly clock: Clock,
  ) {
    this.keys = box.hashes('key of session tokens');
  }

  sign({ sessionId, userId, tenantId, scopes }: SessionClaims): Promise<string> {
    const now = Math.floor(this.clock.now().getTime() / 1000);
    return new SignJWT({ sid: sessionId, tenant_id: tenantId, scope: scopes.join(' ') })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT', kid: KEY_ID })
      .setSubject(userId)
      .setIssuer(PARTIES.issuer)
      .setAudience(PARTIES.audience)
      .setIssuedAt(now)
      .setExpirationTime(now + ACCESS_SECONDS)
      .sign(this.keys[0] as Buffer);
  }

  /** The session that a token of ours names, and until when; undefined for every other token. */
  async read(token: string): Promise<{ sessionId: string; until: number } | undefined> {
    for (const key of this.keys) {
      try {
        const { payload } = await jwtVerify(token, key, {
          ...PARTIES,
          algorithms: ['HS256'],
          requiredClaims: ['exp', 'sub', 'sid'],
          currentDate: this.clock.now(),
        });
        const { sid, exp = 0 } = payload;
        return typeof sid === 'string' && isUuid(sid) ? { sessionId: sid, until: exp * 1000 } : undefined;
      } catch (error) {
        if (!(error instanceof errors.JOSEError)) throw error;
        if (!(error instanceof errors.JWSSignatureVerificationFailed)) return undefined;
      }
    }
    return undefined;
  }
}

/** Said without verifying: which verifier a token is for. */
export const isSessionToken = (header: { kid?: unknown }): boolean => header.kid === KEY_ID;

/** `<session>.<256 random bits>`: the session finds the row, the rest is the secret. */
export const newRefreshToken = (sessionId: string): string =>
  `${sessionId}.${randomBytes(32).toString('base64url')}`;

const REFRESH_TOKEN = /^([0-9a-f-]{36})\.[A-Za-z0-9_-]{43}$/;

export function sessionOf(refreshToken: string): string | undefined {
  const id = REFRESH_TOKEN.exec(refreshToken)?.[1];
  return id !== undefined && isUuid(id) ? id : undefined;
}
