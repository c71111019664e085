import { timingSafeEqual } from 'node:crypto';
import { type SecretBox } from '../kernel/secret-box';
import { type ApiKeyId, type TenantId } from '../kernel/ids';
import { type Clock } from '../kernel/clock';
import { type SystemTransaction } from '../database/system-transaction';
import { keyPrefix } from './api-keys';
import { actorOf, type Caller, type Scope } from './scopes';

type KeyRow = {
  id: ApiKeyId;
  name: string;
  tenant_id: TenantId | null;
  tenant_status: 'active' | 'suspended' | 'inactive' | null;
  key_hash: Buffer;
  scopes: Scope[];
  expires_at: Date | null;
  last_used_at: Date | null;
};

const BY_PREFIX = {
  name: 'api_keys_by_prefix',
  text: `SELECT k.id, k.name, k.tenant_id, t.status AS tenant_status, k.key_hash, k.scopes, k.expires_at, k.last_used_at
         FROM api_keys k LEFT JOIN tenants t ON t.id = k.tenant_id
         WHERE k.prefix = $1 AND k.revoked_at IS NULL`,
};

/** `last_used_at` is as exact as this, so that it is not written at every request. */
const LAST_USE_MS = 600_000;
/** Looked at again: another process may have been quicker. */
const NOTE_USE = {
  name: 'api_key_note_use',
  text: `UPDATE api_keys SET last_used_at = now()
         WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '10 minutes')`,
};

/** How long an answer is believed: the time within which a revocation reaches every process. */
const BELIEVED_MS = 1000;
const MOST_REMEMBERED = 10_000;

/** Who a key belongs to. It must look across tenants, because the key is what tells the tenant. */
export class KeyLookup {
  private readonly remembered = new Map<string, { caller: Caller; until: number }>();
  /** Under way: thousands may ask for one key in the moment in which it is no longer believed. */
  private readonly reading = new Map<string, Promise<Caller | undefined>>();

  constructor(
    private readonly system: SystemTransaction,
    private readonly box: SecretBox,
    private readonly clock: Clock,
    private readonly onFault: (error: unknown) => void,
  ) {}

  /**
   * Undefined for an unknown, revoked or expired key, and for one of an inactive tenant: each after the same query
   * and the same hashing, for a refusal is not remembered, and guesses do not push out the keys that are in use.
   */
  async find(key: string): Promise<Caller | undefined> {
    const now = this.clock.now().getTime();
    const known = this.remembered.get(key);
    if (known !== undefined && known.until > now) return known.caller;
    const reading = this.reading.get(key) ?? this.look(key, now);
    this.reading.set(key, reading);
    try {
      return await reading;
    } finally {
      if (this.reading.get(key) === reading) this.reading.delete(key);
    }
  }

  forgetAll(): void {
    this.remembered.clear();
    this.reading.clear();
  }

  private async look(key: string, now: number): Promise<Caller | undefined> {
    const row = await this.read(key, now);
    if (row === undefined) return undefined;
    const caller = callerOf(row);
    if (this.remembered.size >= MOST_REMEMBERED) this.remembered.clear();
    const until = Math.min(now + BELIEVED_MS, row.expires_at?.getTime() ?? Number.POSITIVE_INFINITY);
    this.remembered.set(key, { caller, until });
    this.noteUse(row, now);
    return caller;
  }

  private async read(key: string, now: number): Promise<KeyRow | undefined> {
    const rows = await this.system.query<KeyRow>(BY_PREFIX, [keyPrefix(key)]);
    const hashes = this.box.hashes(key);
    const row = rows.find(({ key_hash }) => hashes.some((hash) => timingSafeEqual(hash, key_hash)));
    if (row === undefined || row.tenant_status === 'inactive') return undefined;
    return row.expires_at !== null && row.expires_at.getTime() <= now ? undefined : row;
  }

  /** The request does not wait for it, nor fail with it. */
  private noteUse({ id, last_used_at }: KeyRow, now: number): void {
    if (last_used_at !== null && now - last_used_at.getTime() < LAST_USE_MS) return;
    this.system.query(NOTE_USE, [id]).catch(this.onFault);
  }
}

const callerOf = ({ id, name, tenant_id, scopes }: KeyRow): Caller => ({
  actor: actorOf('key', name),
  tenantId: tenant_id ?? undefined,
  scopes: new Set(scopes),
  ...(tenant_id !== null && { keyId: id }),
});
