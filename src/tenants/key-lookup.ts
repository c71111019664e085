import { timingSafeEqual } from 'node:crypto';
import { type SecretBox } from '../kernel/secret-box';
import { type TenantId } from '../kernel/ids';
import { type Clock } from '../kernel/clock';
import { type SystemTransaction } from '../database/system-transaction';
import { keyPrefix } from './api-keys';
import { type Caller, type Scope } from './scopes';

type KeyRow = {
  name: string;
  tenant_id: TenantId | null;
  tenant_status: 'active' | 'suspended' | 'inactive' | null;
  key_hash: Buffer;
  scopes: Scope[];
  expires_at: Date | null;
};

const BY_PREFIX = {
  name: 'api_keys_by_prefix',
  text: `SELECT k.name, k.tenant_id, t.status AS tenant_status, k.key_hash, k.scopes, k.expires_at
         FROM api_keys k LEFT JOIN tenants t ON t.id = k.tenant_id
         WHERE k.prefix = $1 AND k.revoked_at IS NULL`,
};

const TENANT = { name: 'tenant_exists', text: 'SELECT 1 AS one FROM tenants WHERE id = $1' };

/** How long an answer is believed: the time within which a revocation reaches every process. */
const BELIEVED_MS = 1000;
const MOST_REMEMBERED = 10_000;

/** Who a key belongs to. It must look across tenants, because the key is what tells the tenant. */
export class KeyLookup {
  private readonly tenantsKnown = new Set<TenantId>();
  private readonly remembered = new Map<string, { caller: Caller | undefined; until: number }>();

  constructor(
    private readonly system: SystemTransaction,
    private readonly box: SecretBox,
    private readonly clock: Clock,
  ) {}

  /** Undefined for an unknown, revoked or expired key, and for one of an inactive tenant. */
  async find(key: string): Promise<Caller | undefined> {
    const now = this.clock.now().getTime();
    const known = this.remembered.get(key);
    if (known !== undefined && known.until > now) return known.caller;
    const caller = await this.read(key, now);
    if (this.remembered.size >= MOST_REMEMBERED) this.remembered.clear();
    this.remembered.set(key, { caller, until: now + BELIEVED_MS });
    return caller;
  }

  /** Whether there is such a tenant. One that was just made counts at once. */
  async isTenant(id: TenantId): Promise<boolean> {
    if (this.tenantsKnown.has(id)) return true;
    const found = (await this.system.query(TENANT, [id])).length > 0;
    if (found && this.tenantsKnown.size < MOST_REMEMBERED) this.tenantsKnown.add(id);
    return found;
  }

  forgetAll(): void {
    this.remembered.clear();
    this.tenantsKnown.clear();
  }

  private async read(key: string, now: number): Promise<Caller | undefined> {
    const rows = await this.system.query<KeyRow>(BY_PREFIX, [keyPrefix(key)]);
    const hashes = this.box.hashes(key);
    const row = rows.find(({ key_hash }) => hashes.some((hash) => timingSafeEqual(hash, key_hash)));
    if (row === undefined || row.tenant_status === 'inactive') return undefined;
    if (row.expires_at !== null && row.expires_at.getTime() <= now) return undefined;
    return {
      actor: `key:${row.name}`,
      tenantId: row.tenant_id ?? undefined,
      scopes: new Set(row.scopes),
    };
  }
}
