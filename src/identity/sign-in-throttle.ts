import ipaddr from 'ipaddr.js';
import { type SystemTransaction } from '../database/system-transaction';
import { ApiError } from '../kernel/errors';
import { type SecretBox } from '../kernel/secret-box';

/** Wrong passwords in a row for one user name, or from one address, before waiting begins. */
export const FAILURES_ALLOWED = { user: 5, address: 20 } as const;
const FIRST_WAIT_MS = 30_000;
const LONGEST_WAIT_MS = 900_000;
/** Failures are forgotten when none has come for this long. */
const FORGOTTEN_MS = 3_600_000;

export interface Failures {
  failures: number;
  lastFailureAt: Date;
  lockedUntil: Date | null;
}

/** After one failure more: the wait begins at 30 s with the last one allowed and doubles with each, up to 15 min. */
export function countFailure(now: Date, known: Failures, allowed: number): Failures {
  const forgotten = now.getTime() - known.lastFailureAt.getTime() > FORGOTTEN_MS;
  const failures = (forgotten ? 0 : known.failures) + 1;
  const wait = Math.min(FIRST_WAIT_MS * 2 ** Math.min(failures - allowed, 10), LONGEST_WAIT_MS);
  return {
    failures,
    lastFailureAt: now,
    lockedUntil: failures < allowed ? null : new Date(now.getTime() + wait),
  };
}

/** Who tries and from where. */
export interface SignInAttempt {
  tenantId: string | null;
  /** As it was typed; whether there is such a user plays no part. Undefined where nobody named one yet. */
  username: string | undefined;
  address: string;
  requestId: string | undefined;
}

type Row = { subject: Buffer; failures: number; last_failure_at: Date; locked_until: Date | null; now: Date };

/**
 * Slows guessing down, in all processes together. An attempt is counted as failed before the password is looked at,
 * so that many at the same time get no more tries than one after the other; a right password takes it back.
 */
export class SignInThrottle {
  constructor(
    private readonly system: SystemTransaction,
    private readonly box: SecretBox,
  ) {}

  /** @throws ApiError RATE_LIMIT_EXCEEDED while the user name or the address has to wait. */
  async begin(attempt: SignInAttempt): Promise<void> {
    const allowed = this.subjects(attempt);
    // In one order everywhere: two attempts never wait for each other.
    const subjects = [...allowed.keys()].sort().map((hex) => Buffer.from(hex, 'hex'));
    const wait = await this.system.run(async (tx) => {
      await tx.query(MAKE, [subjects]);
      const rows = await tx.query<Row>(LOCK, [subjects]);
      const until = Math.max(...rows.map(({ locked_until }) => locked_until?.getTime() ?? 0));
      const now = rows[0]?.now ?? new Date();
      if (until > now.getTime()) return until - now.getTime();
      for (const row of rows) {
        const known = { ...row, lastFailureAt: row.last_failure_at, lockedUntil: row.locked_until };
        const next = countFailure(now, known, allowed.get(row.subject.toString('hex')) ?? 1);
        await tx.query(COUNT, [row.subject, next.failures, next.lastFailureAt, next.lockedUntil]);
      }
      return undefined;
    });
    if (wait === undefined) return;
    const seconds = Math.ceil(wait / 1000);
    throw new ApiError('RATE_LIMIT_EXCEEDED', 'too many failed sign-ins; wait and try again', [], seconds);
  }

  /** The password was right. The address keeps its other failures: an own account does not buy more guesses. */
  async succeeded(attempt: SignInAttempt): Promise<void> {
    const { user, address } = this.named(attempt);
    await this.system.run(async (tx) => {
      await tx.query(TAKE_BACK, [address, FAILURES_ALLOWED.address]);
      if (user !== undefined) await tx.query(FORGET, [user]);
    });
  }

  private subjects(attempt: SignInAttempt): Map<string, number> {
    const { user, address } = this.named(attempt);
    const allowed = new Map<string, number>([[address.toString('hex'), FAILURES_ALLOWED.address]]);
    return user === undefined ? allowed : allowed.set(user.toString('hex'), FAILURES_ALLOWED.user);
  }

  /** Hashed: people type passwords into the field for the name. */
  private named({ tenantId, username, address }: SignInAttempt): {
    user: Buffer | undefined;
    address: Buffer;
  } {
    const hashed = (text: string): Buffer => this.box.hashes(text)[0] as Buffer;
    return {
      user: username === undefined ? undefined : hashed(`sign-in of ${tenantId ?? ''}:${username}`),
      address: hashed(`sign-in from ${networkOf(address)}`),
    };
  }
}

/** Who has one IPv6 address has the other 2^64 of its network as well. */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') return parsed.toString();
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${parsed.toString()}/64`).toString()}/64`;
}

const MAKE = {
  name: 'sign_in_failures_make',
  text: `INSERT INTO sign_in_failures (subject) SELECT unnest($1::bytea[]) ON CONFLICT DO NOTHING`,
};
const LOCK = {
  name: 'sign_in_failures_lock',
  text: `
    SELECT subject, failures, last_failure_at, locked_until, now() AS now
    FROM sign_in_failures WHERE subject = ANY ($1::bytea[]) ORDER BY subject FOR UPDATE`,
};
const COUNT = {
  name: 'sign_in_failures_count',
  text: `UPDATE sign_in_failures SET failures = $2, last_failure_at = $3, locked_until = $4 WHERE subject = $1`,
};
const TAKE_BACK = {
  name: 'sign_in_failures_take_back',
  text: `
    UPDATE sign_in_failures SET failures = greatest(failures - 1, 0),
      locked_until = CASE WHEN failures > $2 THEN locked_until END
    WHERE subject = $1`,
};
const FORGET = { name: 'sign_in_failures_forget', text: `DELETE FROM sign_in_failures WHERE subject = $1` };
