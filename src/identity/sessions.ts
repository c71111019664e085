import { timingSafeEqual } from 'node:crypto';
import { uuidv7 } from 'uuidv7';
import { type SystemTransaction, type SystemTx } from '../database/system-transaction';
import { type Clock } from '../kernel/clock';
import { ApiError, invalid } from '../kernel/errors';
import { type SecretBox } from '../kernel/secret-box';
import { audit } from '../tenants/audit';
import { actorOf, type Caller } from '../tenants/scopes';
import { type Vouched } from './issuer-sign-in';
import { type Passwords } from './passwords';
import { SCOPES_OF_ROLE } from './roles';
import {
  ACCESS_SECONDS,
  newRefreshToken,
  sessionOf,
  type SessionClaims,
  type SessionTokens,
} from './session-tokens';
import * as sql from './sessions.sql';
import { type SignInAttempt, type SignInThrottle } from './sign-in-throttle';

export interface SessionParts {
  system: SystemTransaction;
  box: SecretBox;
  tokens: SessionTokens;
  passwords: Passwords;
  throttle: SignInThrottle;
  clock: Clock;
  onRefused: (address: string) => void;
  /** A refresh token came that was used before: it, or the one that followed it, is in foreign hands. */
  onReuse: (username: string) => void;
}

export interface SignedIn {
  accessToken: string;
  expiresIn: number;
  /** For the cookie; undefined where the one that the browser got a moment ago stays. */
  refreshToken: string | undefined;
  user: SessionUser;
}

export type SessionUser = Omit<sql.UserRow, 'password_hash'>;

/** How long an answer is believed: the time within which a disabled user is out in every process. */
const BELIEVED_MS = 1000;
const MOST_REMEMBERED = 10_000;
/** Two tabs may refresh at the same time with the same cookie, and an answer may get lost. */
const GRACE_MS = 10_000;

/** Console sessions: a short access token, and a refresh token that is another one after each use. */
export class Sessions {
  private readonly remembered = new Map<string, { caller: Caller | undefined; until: number }>();

  constructor(private readonly parts: SessionParts) {}

  /** The same refusal, after the same work, for a wrong password, an unknown and a disabled user. */
  async signIn(attempt: SignInAttempt, password: string): Promise<SignedIn> {
    const { system, passwords, throttle } = this.parts;
    await throttle.begin(attempt);
    const [user] = await system.query<sql.UserRow>(sql.USER_BY_NAME, [attempt.tenantId, attempt.username]);
    if (!(await passwords.matches(user?.password_hash, password)) || user === undefined) {
      this.parts.onRefused(attempt.address);
      throw new ApiError('AUTHENTICATION_FAILED', 'tenant, user name or password are not right');
    }
    await throttle.succeeded(attempt);
    return this.enter(user, attempt.requestId);
  }

  /**
   * For somebody an issuer vouches for. Whoever is waiting after failed attempts, by address or as this user, waits here
   * too; nobody becomes a user by it.
   */
  async signInVouched(
    { address, requestId }: Pick<SignInAttempt, 'address' | 'requestId'>,
    vouched: () => Promise<Vouched>,
  ): Promise<SignedIn> {
    const { system, throttle, onRefused } = this.parts;
    const unnamed = { tenantId: null, username: undefined, address, requestId };
    await throttle.begin(unnamed);
    const { issuer, tenantId, email } = await vouched();
    await throttle.succeeded(unnamed);
    const [user] = await system.query<sql.UserRow>(sql.USER_BY_EMAIL, [tenantId, email]);
    if (user === undefined) {
      onRefused(address);
      throw new ApiError(
        'AUTHENTICATION_FAILED',
        'no user here has the e-mail address that the issuer names',
      );
    }
    const attempt = { tenantId, username: user.username, address, requestId };
    await throttle.begin(attempt);
    await throttle.succeeded(attempt);
    return this.enter(user, requestId, { issuer });
  }

  private enter(user: sql.UserRow, requestId: string | undefined, details = {}): Promise<SignedIn> {
    return this.parts.system.run(async (tx) => {
      await tx.query(sql.SIGNED_IN, [user.user_id]);
      await auditUser(tx, user, 'sign_in', requestId, details);
      return this.begin(tx, user);
    });
  }

  /** A new access token, and a new refresh token that makes the old one worthless; undefined = sign in again. */
  async refresh(refreshToken: string, requestId: string): Promise<SignedIn | undefined> {
    const sessionId = sessionOf(refreshToken);
    if (sessionId === undefined) return undefined;
    return this.parts.system.run(async (tx) => {
      const [row] = await tx.query<sql.SessionRow>(sql.LOCK_SESSION, [sessionId]);
      if (row === undefined) return undefined;
      switch (judgeRefresh(row, this.parts.box.hashes(refreshToken))) {
        case 'current': {
          const next = newRefreshToken(sessionId);
          await tx.query(sql.ROTATE, [sessionId, this.hash(next)]);
          return this.signedIn(row, sessionId, next);
        }
        case 'just_replaced':
          return this.signedIn(row, sessionId, undefined);
        case 'used_before':
          await tx.query(sql.END_SESSION, [sessionId]);
          await auditUser(tx, row, 'revoke', requestId, { reason: 'a refresh token was used twice' });
          this.forgetAll();
          this.parts.onReuse(row.username);
          return undefined;
      }
    });
  }

  /** Ends the session of this token, if it is one. */
  async signOut(refreshToken: string): Promise<void> {
    const sessionId = sessionOf(refreshToken);
    if (sessionId === undefined) return;
    await this.parts.system.run(async (tx) => {
      const [row] = await tx.query<sql.SessionRow>(sql.LOCK_SESSION, [sessionId]);
      if (row === undefined || judgeRefresh(row, this.parts.box.hashes(refreshToken)) === 'used_before')
        return;
      await tx.query(sql.END_SESSION, [sessionId]);
    });
    this.forgetAll();
  }

  /** Ends every session of the user and begins a new one. */
  async changePassword(caller: Caller, address: string, current: string, next: string): Promise<SignedIn> {
    const { system, passwords, throttle } = this.parts;
    const user = await this.userOf(caller);
    const { requestId } = caller;
    const attempt = { tenantId: user.tenant_id, username: user.username, address, requestId };
    await throttle.begin(attempt);
    if (!(await passwords.matches(user.password_hash, current))) {
      throw invalid('current_password', 'is not right');
    }
    await throttle.succeeded(attempt);
    const hash = await passwords.hash(next);
    const signedIn = await system.run(async (tx) => {
      const changed = await tx.query(sql.CHANGE_PASSWORD, [user.user_id, hash, user.password_hash]);
      if (changed.length === 0) throw invalid('current_password', 'was changed in the meantime');
      await auditUser(tx, user, 'update', caller.requestId, { changed: ['password'] });
      return this.begin(tx, user);
    });
    this.forgetAll();
    return signedIn;
  }

  /** @throws ApiError AUTHORIZATION_FAILED for a caller that is no user of the console. */
  async userOf({ userId }: Caller): Promise<sql.UserRow> {
    const [user] =
      userId === undefined ? [] : await this.parts.system.query<sql.UserRow>(sql.USER_BY_ID, [userId]);
    if (user === undefined)
      throw new ApiError('AUTHORIZATION_FAILED', 'only users who signed in may do this');
    return user;
  }

  /** Who stands behind an access token; the rights are those that the user's role has now. */
  async find(accessToken: string): Promise<Caller | undefined> {
    const token = await this.parts.tokens.read(accessToken);
    if (token === undefined) return undefined;
    const now = this.parts.clock.now().getTime();
    const known = this.remembered.get(token.sessionId);
    if (known !== undefined && known.until > now) return known.caller;
    const [row] = await this.parts.system.query<sql.SessionRow>(sql.SESSION_BY_ID, [token.sessionId]);
    const caller = row === undefined ? undefined : callerOf(row);
    if (this.remembered.size >= MOST_REMEMBERED) this.remembered.clear();
    this.remembered.set(token.sessionId, { caller, until: now + BELIEVED_MS });
    return caller;
  }

  /** Something about users or tenants changed in this process: it takes effect here at once. */
  forgetAll(): void {
    this.remembered.clear();
  }

  private async begin(tx: SystemTx, user: sql.UserRow): Promise<SignedIn> {
    const sessionId = uuidv7();
    const refreshToken = newRefreshToken(sessionId);
    await tx.query(sql.BEGIN_SESSION, [sessionId, user.user_id, this.hash(refreshToken)]);
    return this.signedIn(user, sessionId, refreshToken);
  }

  private async signedIn(
    user: sql.UserRow,
    sessionId: string,
    refreshToken: string | undefined,
  ): Promise<SignedIn> {
    const { user_id, tenant_id, username, email, role } = user;
    const claims: SessionClaims = {
      sessionId,
      userId: user_id,
      tenantId: tenant_id,
      scopes: SCOPES_OF_ROLE[role],
    };
    return {
      accessToken: await this.parts.tokens.sign(claims),
      expiresIn: ACCESS_SECONDS,
      refreshToken,
      user: { user_id, tenant_id, username, email, role },
    };
  }

  private hash(token: string): Buffer {
    return this.parts.box.hashes(token)[0] as Buffer;
  }
}

/** What a refresh token of an existing session is. One that we never gave out counts as stolen, too. */
export function judgeRefresh(
  {
    token_hash,
    previous_hash,
    rotated_at,
    now,
  }: Pick<sql.SessionRow, 'token_hash' | 'previous_hash' | 'rotated_at' | 'now'>,
  hashes: readonly Buffer[],
): 'current' | 'just_replaced' | 'used_before' {
  const is = (stored: Buffer | null): boolean =>
    stored !== null && hashes.some((hash) => timingSafeEqual(hash, stored));
  if (is(token_hash)) return 'current';
  if (is(previous_hash) && now.getTime() - rotated_at.getTime() < GRACE_MS) return 'just_replaced';
  return 'used_before';
}

const callerOf = ({ user_id, tenant_id, username, role }: sql.SessionRow): Caller => ({
  actor: actorOf('user', username),
  tenantId: tenant_id ?? undefined,
  scopes: new Set(SCOPES_OF_ROLE[role]),
  userId: user_id,
});

const auditUser = (
  { manager }: SystemTx,
  { tenant_id, user_id, username }: sql.UserRow,
  action: 'sign_in' | 'revoke' | 'update',
  requestId: string | undefined,
  details = {},
): Promise<void> =>
  audit(manager, {
    tenantId: tenant_id,
    actor: actorOf('user', username),
    requestId,
    action,
    resourceType: 'user',
    resourceId: user_id,
    details,
  });
