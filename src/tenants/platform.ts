import { type SystemTransaction } from '../database/system-transaction';
import { type TenantTransaction } from '../database/tenant-transaction';
import { conflict, invalid, notFound } from '../kernel/errors';
import { type TenantId } from '../kernel/ids';
import { type SecretBox } from '../kernel/secret-box';
import { apiKeyRow, keyPrefix } from './api-keys';
import { about, audit } from './audit';
import { type Changes, definedOf } from './changes';
import { ApiKey, Tenant } from './entities';
import { type Caller } from './scopes';
import { type SigningSecrets } from './signing-secrets';

export interface TenantInput {
  id: TenantId;
  name: string;
  description?: string | null | undefined;
  config?: object | undefined;
  rate_limit_requests?: number | undefined;
  rate_limit_window_seconds?: number | undefined;
  burst_limit?: number | undefined;
}

export type TenantPatch = Changes<Omit<TenantInput, 'id'> & { status: Tenant['status'] }>;

/** Of tenants that are made without limits of their own. */
export type DefaultLimits = Required<
  Pick<TenantInput, 'rate_limit_requests' | 'rate_limit_window_seconds' | 'burst_limit'>
>;

export interface PlatformParts {
  tenants: TenantTransaction;
  system: SystemTransaction;
  signingSecrets: SigningSecrets;
  box: SecretBox;
  defaultLimits: DefaultLimits;
  /** Without one nobody may ask for outcome events: they would wait for ever. */
  hasBroker: boolean;
  /** Sessions of a tenant whose status changed must be looked up again. */
  onChange: (tenantId: TenantId) => void;
}

/** Administration of the platform: which tenants there are. Their own affairs are their own sessions'. */
export class Platform {
  constructor(private readonly parts: PlatformParts) {}

  /** A tenant is born with a signing secret, shown this once. */
  async createTenant(caller: Caller, input: TenantInput): Promise<Tenant & { signing_secret: string }> {
    this.checkEvents(input);
    const created = await this.parts.tenants.run(input.id, async (tx) => {
      const known = await tx.manager.findOneBy(Tenant, { id: input.id });
      if (known !== null) throw conflict('id', taken(known));
      await tx.manager.insert(Tenant, definedOf({ ...this.parts.defaultLimits, ...definedOf(input) }));
      const { secret } = await this.parts.signingSecrets.createIn(tx, caller);
      await audit(tx.manager, {
        ...about(caller, 'tenant', input.id, input.id),
        action: 'create',
        details: { name: input.name },
      });
      return { ...(await tx.manager.findOneByOrFail(Tenant, { id: input.id })), signing_secret: secret };
    });
    this.parts.onChange(input.id);
    return created;
  }

  async listTenants(): Promise<Tenant[]> {
    return this.parts.system.run(({ manager }) => manager.find(Tenant, { order: { id: 'ASC' } }));
  }

  /** Running processes, the latest first. */
  async listNodes(): Promise<object[]> {
    return this.parts.system.query(NODES, []);
  }

  async getTenant(id: TenantId): Promise<Tenant> {
    const row = await this.parts.tenants.run(id, ({ manager }) => manager.findOneBy(Tenant, { id }));
    if (row === null) throw notFound(`tenant ${id}`);
    return row;
  }

  async updateTenant(caller: Caller, id: TenantId, patch: TenantPatch): Promise<Tenant> {
    this.checkEvents(patch);
    const updated = await this.parts.tenants.run(id, async (tx) => {
      const { manager } = tx;
      const before = await manager.findOne(Tenant, { where: { id }, lock: { mode: 'pessimistic_write' } });
      if (before === null) throw notFound(`tenant ${id}`);
      if (before.erased_at !== null)
        throw conflict('id', 'the tenant is erased; nothing of it can be changed');
      const [erasure] = await tx.query<{ id: string }>(ERASED_MEANWHILE, []);
      if (erasure !== undefined)
        throw conflict('id', 'the tenant is being erased; nothing of it can be changed');
      await manager.update(Tenant, { id }, { ...definedOf(patch), updated_at: new Date() });
      const after = await manager.findOneByOrFail(Tenant, { id });
      const details = { before: before.status, after: after.status, changed: Object.keys(patch) };
      await audit(manager, { ...about(caller, 'tenant', id, id), action: 'update', details });
      return after;
    });
    this.parts.onChange(id);
    return updated;
  }

  private checkEvents({ config }: Pick<TenantPatch, 'config'>): void {
    const { outcome_events: events = [] } = (config ?? {}) as { outcome_events?: readonly string[] };
    if (events.length === 0 || this.parts.hasBroker) return;
    throw invalid('config.outcome_events', 'needs a broker: this service has none (AMQP_URL)');
  }

  /** The key named by BOOTSTRAP_ADMIN_KEY, made once; how the first tenant comes to be. */
  async ensureBootstrapKey(key: string): Promise<void> {
    await this.parts.system.run(async ({ manager }) => {
      await manager.query(`SELECT pg_advisory_xact_lock(hashtext('bootstrap_admin_key'))`);
      const rows = await manager.findBy(ApiKey, { prefix: keyPrefix(key) });
      const hashes = this.parts.box.hashes(key);
      if (rows.some(({ key_hash }) => hashes.some((hash) => hash.equals(key_hash)))) return;
      const wanted = { name: 'bootstrap', scopes: ['platform:admin' as const] };
      await manager.insert(ApiKey, apiKeyRow(this.parts.box, key, null, wanted, 'BOOTSTRAP_ADMIN_KEY'));
    });
  }
}

const taken = ({ id, erased_at }: Tenant): string =>
  erased_at === null
    ? `the tenant ${id} exists already`
    : `a tenant ${id} was erased, and its audit log is kept; choose another id`;

const ERASED_MEANWHILE = {
  name: 'erasure_of_whole_tenant',
  text: `SELECT id FROM erasures WHERE status = 'running' AND subject_path IS NULL AND NOT dry_run`,
};

const NODES = {
  name: 'nodes',
  text: `
    SELECT id, role, hostname, pid, version, load, started_at, heartbeat_at,
      CASE WHEN heartbeat_at >= now() - make_interval(secs => lost_after_seconds) THEN 'healthy' ELSE 'lost' END AS health
    FROM nodes ORDER BY started_at DESC`,
};
