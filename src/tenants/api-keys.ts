import { randomBytes } from 'node:crypto';
import { newId, type ApiKeyId, type TenantId } from '../kernel/ids';
import { notFound } from '../kernel/errors';
import { type SecretBox } from '../kernel/secret-box';
import { type TenantTransaction } from '../database/tenant-transaction';
import { audit } from './audit';
import { ApiKey } from './entities';
import { type Scope, type TenantCaller } from './scopes';

export interface NewApiKey {
  name: string;
  scopes: Scope[];
  expires_at?: Date | undefined;
  rate_limit_requests?: number | undefined;
}

/** A key as it may be shown: everything but the key. */
export type ApiKeyView = Omit<ApiKey, 'key_hash'>;

/** `zk_` and 128 random bits. */
export const newKey = (): string => `zk_${randomBytes(16).toString('hex')}`;

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
    const key = newKey();
    return this.tenants.run(caller.tenantId, async ({ manager }) => {
      const row = apiKeyRow(this.box, key, caller.tenantId, wanted, caller.actor);
      await manager.insert(ApiKey, row);
      await audit(manager, {
        tenantId: caller.tenantId,
        actor: caller.actor,
        requestId: caller.requestId,
        action: 'create',
        resourceType: 'api_key',
        resourceId: row.id,
        details: { name: row.name, prefix: row.prefix, scopes: row.scopes },
      });
      return { ...view(await manager.findOneByOrFail(ApiKey, { id: row.id })), key };
    });
  }

  async list(caller: TenantCaller): Promise<ApiKeyView[]> {
    return this.tenants.run(caller.tenantId, async ({ manager }) => {
      const rows = await manager.find(ApiKey, { order: { id: 'ASC' } });
      return rows.map(view);
    });
  }

  /** Takes effect at once in this process, within a second in the others. */
  async revoke(caller: TenantCaller, id: ApiKeyId): Promise<ApiKeyView> {
    const revoked = await this.tenants.run(caller.tenantId, async ({ manager }) => {
      const row = await manager.findOneBy(ApiKey, { id });
      if (row === null) throw notFound(`API key ${id}`);
      if (row.revoked_at !== null) return view(row);
      row.revoked_at = new Date();
      await manager.update(ApiKey, { id }, { revoked_at: row.revoked_at });
      await audit(manager, {
        tenantId: caller.tenantId,
        actor: caller.actor,
        requestId: caller.requestId,
        action: 'revoke',
        resourceType: 'api_key',
        resourceId: id,
        details: { name: row.name, prefix: row.prefix },
      });
      return view(row);
    });
    this.onRevoked();
    return revoked;
  }
}

function view({ key_hash: _hash, ...rest }: ApiKey): ApiKeyView {
  return rest;
}
