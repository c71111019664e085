import { createHash } from 'node:crypto';
import { errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey, type JWTVerifyOptions } from 'jose';
import { z } from 'zod';
import { type Clock } from '../kernel/clock';
import { isTenantId, type TenantId } from '../kernel/ids';
import { actorOf, type Caller, isScope, type Scope } from '../tenants/scopes';

export interface TokenSettings {
  /** JWT_SECRET_KEY: for HS256 and nothing else. */
  secret: string | undefined;
  /** Of JWT_JWKS_URL: for RS256 and ES256 and nothing else. */
  jwks: JWTVerifyGetKey | undefined;
  issuer: string | undefined;
  audience: string | undefined;
}

/** Clocks of machines differ a little. */
const TOLERANCE_SECONDS = 10;
/** How long a verified token is not verified again; it is the time that a withdrawn key goes on for known tokens. */
const BELIEVED_MS = 30_000;
const MOST_REMEMBERED = 10_000;

const SECRET_ALGORITHMS = ['HS256'];
const PUBLIC_ALGORITHMS = ['RS256', 'ES256'];

const claims = z.object({
  sub: z
    .string()
    .min(1)
    .max(255)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u),
  tenant_id: z.custom<TenantId>((value) => typeof value === 'string' && isTenantId(value)).nullish(),
  scope: z.string().max(2000).default(''),
  exp: z.number(),
});

/**
 * Tokens that others issue. The algorithm decides which key is tried, and the settings decide which algorithms there
 * are: a public key never serves as a secret, and what the token says about its key (jwk, jku, x5u) is not looked at.
 */
export class IssuedTokens {
  private readonly remembered = new Map<string, { caller: Caller; until: number }>();
  private readonly secret: Uint8Array | undefined;

  constructor(
    private readonly settings: TokenSettings,
    private readonly clock: Clock,
  ) {
    this.secret = settings.secret === undefined ? undefined : new TextEncoder().encode(settings.secret);
  }

  /** Undefined for every token that is not to be believed, whatever the reason. */
  async read(token: string, algorithm: string): Promise<Caller | undefined> {
    const now = this.clock.now().getTime();
    const hash = createHash('sha256').update(token).digest('base64');
    const known = this.remembered.get(hash);
    if (known !== undefined && known.until > now) return known.caller;
    const payload = await this.verified(token, algorithm);
    const caller = payload === undefined ? undefined : callerOf(payload);
    if (caller === undefined) return undefined;
    if (this.remembered.size >= MOST_REMEMBERED) this.remembered.clear();
    const until = Math.min(now + BELIEVED_MS, (payload?.exp ?? 0) * 1000);
    this.remembered.set(hash, { caller, until });
    return caller;
  }

  private async verified(token: string, algorithm: string): Promise<JWTPayload | undefined> {
    const { jwks, issuer, audience } = this.settings;
    const options: JWTVerifyOptions = {
      ...(issuer === undefined ? {} : { issuer }),
      ...(audience === undefined ? {} : { audience }),
      requiredClaims: ['exp', 'sub'],
      clockTolerance: TOLERANCE_SECONDS,
      currentDate: this.clock.now(),
    };
    try {
      if (SECRET_ALGORITHMS.includes(algorithm) && this.secret !== undefined) {
        return (await jwtVerify(token, this.secret, { ...options, algorithms: SECRET_ALGORITHMS })).payload;
      }
      if (PUBLIC_ALGORITHMS.includes(algorithm) && jwks !== undefined) {
        return (await jwtVerify(token, jwks, { ...options, algorithms: PUBLIC_ALGORITHMS })).payload;
      }
      return undefined;
    } catch (error) {
      // A TypeError is a key that does not fit its algorithm, such as RSA with fewer than 2048 bits.
      if (error instanceof errors.JOSEError || error instanceof TypeError) return undefined;
      throw error;
    }
  }
}

/** A token of a tenant never reaches beyond it; one without a tenant is the platform's or nobody's. */
function callerOf(payload: JWTPayload): Caller | undefined {
  const parsed = claims.safeParse(payload);
  if (!parsed.success) return undefined;
  const { sub, tenant_id, scope } = parsed.data;
  const named = scope.split(' ').filter(isScope);
  const scopes = new Set<Scope>(tenant_id == null ? named : named.filter((one) => one !== 'platform:admin'));
  if (tenant_id == null && !scopes.has('platform:admin')) return undefined;
  return { actor: actorOf('token', sub), tenantId: tenant_id ?? undefined, scopes };
}
