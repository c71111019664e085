import { randomBytes } from 'node:crypto';
import { newId, type ApiKeyId, type TenantId } from '../kernel/ids';
import { conflict, notFound } from '../kernel/errors';
import { type JsonObject } from '../kernel/json';
import { type SecretBox } from '../kernel/secret-box';
import { type TenantTransaction, type TenantTx } from '../database/tenant-transaction';
import { about, audit, type AuditRecord } from './audit';
import { ApiKey } from './entities';
import { assertMayGrant, type Scope, type TenantCaller } from './scopes';

export interface NewApiKey {
  name: string;
  scopes: Scope[];
  expires_at?: Date | undefined;
  rate_limit_requests?: number | undefined;
}

/** A key as it may be shown: everything but the key. */
export type ApiKeyView = Omit<ApiKey, 'key_hash'>;

/** `zk_` and 128 random bits. */
const newKey = (): string => `zk_${randomBytes(16).toString('hex')}`;

/** The part of a key that finds its row without being a secret. */
export const keyPrefix = (key: string): string => key.slice(0, 11);

export const apiKeyRow = (
  box: SecretBox,
  key: string,
  tenantId: TenantId | null,
  wanted: NewApiKey,
  createdBy: string,
): Omit<ApiKey, 'created_at' | 'last_used_at' | 'revoked_at'> => ({
  id: newId<ApiKeyId>(),
  tenant_id: tenantId,
  name: wanted.name,
  prefix: keyPrefix(key),
  key_hash: box.hashes(key)[0] as Buffer,
  scopes: wanted.scopes,
  rate_limit_requests: wanted.rate_limit_requests ?? null,
  expires_at: wanted.expires_at ?? null,
  created_by: createdBy,
});

/** Keys of one tenant: created once, shown once, revoked for ever. */
export class ApiKeys {
  constructor(
    private readonly tenants: TenantTransaction,
    private readonly box: SecretBox,
    private readonly onRevoked: () => void,
  ) {}

  async create(caller: TenantCaller, wanted: NewApiKey): Promise<ApiKeyView & { key: string }> {
    assertMayGrant(caller, wanted.scopes, 'scopes');
    return this.tenants.run(caller.tenantId, async (tx) => {
      const { key, row } = await this.insert(tx, caller, wanted);
      const { name, prefix, scopes } = row;
      await auditKey(tx, caller, 'create', row.id, { name, prefix, scopes });
      return { ...view(row), key };
    });
  }

  /** A new key with the same name and rights; the old one stays valid for the overlap, or less where it ends sooner. */
  async rotate(
    caller: TenantCaller,
    id: ApiKeyId,
    overlapSeconds: number,
    expiresAt: Date | undefined,
  ): Promise<ApiKeyView & { key: string }> {
    const rotated = await this.tenants.run(caller.tenantId, async (tx) => {
      const [old] = await tx.query<ApiKey & { ends: Date }>(LOCK_TO_ROTATE, [id, overlapSeconds]);
      if (old === undefined) throw notFound(`API key ${id}`);
      if (old.revoked_at !== null) throw conflict('id', 'is a revoked key; create a new one');
      if (old.expires_at !== null && old.expires_at.getTime() <= Date.now()) {
        throw conflict('id', 'is an expired key; create a new one');
      }
      assertMayGrant(caller, old.scopes, 'id');
      const { key, row } = await this.insert(tx, caller, {
        name: old.name,
        scopes: old.scopes,
        rate_limit_requests: old.rate_limit_requests ?? undefined,
        expires_at: expiresAt ?? old.expires_at ?? undefined,
      });
      await tx.manager.update(ApiKey, { id }, { expires_at: old.ends });
      const details = {
        name: row.name,
        prefix: row.prefix,
        replaces: id,
        old_valid_until: old.ends.toISOString(),
      };
      await auditKey(tx, caller, 'rotate', row.id, details);
      return { ...view(row), key };
    });
    this.onRevoked();
    return rotated;
  }

  async list(caller: TenantCaller): Promise<ApiKeyView[]> {
    return this.tenants.run(caller.tenantId, async ({ manager }) => {
      const rows = await manager.find(ApiKey, { order: { id: 'ASC' } });
      return rows.map(view);
    });
  }

  /** Takes effect at once in this process, within a second in the others. */
  async revoke(caller: TenantCaller, id: ApiKeyId): Promise<ApiKeyView> {
    const revoked = await this.tenants.run(caller.tenantId, async (tx) => {
      const { manager } = tx;
      const row = await manager.findOneBy(ApiKey, { id });
      if (row === null) throw notFound(`API key ${id}`);
      if (row.revoked_at !== null) return view(row);
      row.revoked_at = new Date();
      await manager.update(ApiKey, { id }, { revoked_at: row.revoked_at });
      await auditKey(tx, caller, 'revoke', id, { name: row.name, prefix: row.prefix });
      return view(row);
    });
    this.onRevoked();
    return revoked;
  }

  private async insert(
    { manager, tenantId }: TenantTx,
    { actor }: TenantCaller,
    wanted: NewApiKey,
  ): Promise<{ key: string; row: ApiKey }> {
    const key = newKey();
    const row = apiKeyRow(this.box, key, tenantId, wanted, actor);
    await manager.insert(ApiKey, row);
    return { key, row: await manager.findOneByOrFail(ApiKey, { id: row.id }) };
  }
}

/** `ends`: when the old key stops to be valid. */
const LOCK_TO_ROTATE = {
  name: 'api_key_lock_to_rotate',
  text: `
    SELECT *, least(expires_at, now() + make_interval(secs => $2)) AS ends
    FROM api_keys WHERE id = $1 FOR UPDATE`,
};

const auditKey = (
  { manager }: TenantTx,
  caller: TenantCaller,
  action: AuditRecord['action'],
  id: ApiKeyId,
  details: JsonObject,
): Promise<void> => audit(manager, { ...about(caller, 'api_key', id), action, details });

function view({ key_hash: _hash, ...rest }: ApiKey): ApiKeyView {
  return rest;
}
