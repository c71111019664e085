import { isDeepStrictEqual } from 'node:util';
import { IsNull } from 'typeorm';
import { type Adapter, PROTOCOLS, type Protocol } from '../adapters/port';
import { mapSecrets, mask, restoreMasked } from '../adapters/secrets';
import { type TenantTransaction, type TenantTx } from '../database/tenant-transaction';
import { ApiError, conflict, invalid, type Issue, notFound } from '../kernel/errors';
import { isJsonObject, type Json, type JsonObject, plain } from '../kernel/json';
import { type DestinationId, isUuid, newId } from '../kernel/ids';
import { destinationPlace } from '../kernel/places';
import { type SecretBox } from '../kernel/secret-box';
import { parseTransformConfig } from '../transforms/transform';
import { about, audit } from './audit';
import { breakersOf, type BreakerView, resetBreaker } from './breakers';
import { type Changes, definedOf } from './changes';
import { CHECK_SOON, RETRY_POLICY_CHANGED } from './destinations.sql';
import { type DestinationCatalogue } from './destination-catalogue';
import { Destination, DestinationConfig, type DestinationStatus } from './entities';
import { type ProgramCheck } from './program-check';
import { type TenantCaller } from './scopes';

export interface DestinationInput {
  name: string;
  description?: string | null | undefined;
  protocol: string;
  status?: DestinationStatus | undefined;
  configuration: JsonObject;
  transform_config: JsonObject;
  health_check: JsonObject;
  tags: string[];
}

/** A change: what is absent stays; inside `configuration` too (JSON Merge Patch, RFC 7396). */
export type DestinationPatch = Changes<DestinationInput>;

/** As administrators see it: secrets masked. */
export type DestinationView = Omit<
  Destination,
  'id' | 'tenant_id' | 'configuration' | 'health_check_config' | 'deleted_at' | 'usage_count'
> & { destination_id: DestinationId; configuration: JsonObject; health_check: object; usage_count: number };

export type WatchedDestination = DestinationView & { breaker: BreakerView };

export interface DestinationParts {
  tenants: TenantTransaction;
  catalogue: DestinationCatalogue;
  adapters: ReadonlyMap<Protocol, Adapter>;
  box: SecretBox;
  programs: ProgramCheck;
}

const MAX_NAME = 100;

/** What a test needs to know of a destination, stored or not. */
export interface TriedDestination {
  name: string;
  protocol: Protocol;
  configuration: JsonObject;
  transformConfig: JsonObject;
}

const triedOf = (
  row: Pick<Destination, 'name' | 'protocol' | 'configuration' | 'transform_config'>,
): TriedDestination => ({
  name: row.name,
  protocol: row.protocol as Protocol,
  configuration: row.configuration as JsonObject,
  transformConfig: row.transform_config as JsonObject,
});

/** The destinations of a tenant; every write makes a version that is kept. */
export class Destinations {
  constructor(private readonly parts: DestinationParts) {}

  async register(caller: TenantCaller, input: DestinationInput): Promise<DestinationView> {
    await this.parts.programs.refuseConfiguration(caller.tenantId, input.transform_config);
    return this.change(caller, async (tx) => {
      await refuseTakenName(tx, input.name);
      const id = newId<DestinationId>();
      await tx.manager.insert(Destination, {
        ...this.columnsOf(caller, input),
        id,
        tenant_id: caller.tenantId,
      });
      return this.versioned(tx, caller, id, 'create', null);
    });
  }

  async list(caller: TenantCaller): Promise<WatchedDestination[]> {
    return this.parts.tenants.run(caller.tenantId, async (tx) => {
      const order = { name: 'ASC' } as const;
      const rows = await tx.manager.find(Destination, { where: { deleted_at: IsNull() }, order });
      const ids = rows.map(({ id }) => id);
      const breakerOf = await breakersOf(tx, ids);
      return rows.map((row) => ({ ...this.view(row), breaker: breakerOf(row.id) }));
    });
  }

  async get(caller: TenantCaller, idOrName: string): Promise<WatchedDestination> {
    return this.parts.tenants.run(caller.tenantId, async (tx) => this.watchedOne(tx, idOrName));
  }

  /** By hand: the destination counts as healthy, and what waited for it flows. */
  async resetBreaker(caller: TenantCaller, idOrName: string): Promise<WatchedDestination> {
    return this.parts.tenants.run(caller.tenantId, async (tx) => {
      const before = await this.watchedOne(tx, idOrName);
      const { destination_id: id, name, breaker } = before;
      await resetBreaker(tx, id);
      const details = plain({ name, breaker });
      await audit(tx.manager, { ...about(caller, 'destination', id), action: 'reset_breaker', details });
      return this.watchedOne(tx, idOrName);
    });
  }

  /** As delivery has it: secrets sealed. For a test, which is audited; `get` is for showing. */
  async tried(caller: TenantCaller, idOrName: string, details: JsonObject): Promise<TriedDestination> {
    return this.parts.tenants.run(caller.tenantId, async (tx) => {
      const row = await find(tx, idOrName);
      await audit(tx.manager, { ...about(caller, 'destination', row.id), action: 'test', details });
      return triedOf(row);
    });
  }

  /** What `register` would store, checked likewise and not stored. */
  async triedUnsaved(
    caller: TenantCaller,
    input: DestinationInput,
    details: JsonObject,
  ): Promise<TriedDestination> {
    const columns = this.columnsOf(caller, input);
    await this.parts.tenants.run(caller.tenantId, ({ manager }) =>
      audit(manager, {
        ...about(caller, 'destination', input.name),
        action: 'test',
        details: { ...details, configuration: this.masked(columns) },
      }),
    );
    return triedOf(columns);
  }

  /** The whole of it anew (PUT). A masked secret that is sent back stays what it is, at the same address. */
  async replace(caller: TenantCaller, idOrName: string, input: DestinationInput): Promise<DestinationView> {
    await this.parts.programs.refuseConfiguration(caller.tenantId, input.transform_config);
    return this.update(caller, idOrName, () => input);
  }

  /** Onto what the caller may see: a secret that the patch does not name stays under the same condition. */
  async patch(caller: TenantCaller, idOrName: string, patch: DestinationPatch): Promise<DestinationView> {
    await this.parts.programs.refuseConfiguration(caller.tenantId, patch.transform_config ?? {});
    return this.update(caller, idOrName, (current) => ({
      ...current,
      ...definedOf(patch),
      configuration: mergePatch(this.masked(current), patch.configuration ?? {}),
    }));
  }

  /** Soft: history keeps its destination, waiting deliveries end as DESTINATION_GONE. */
  async remove(caller: TenantCaller, idOrName: string): Promise<void> {
    await this.change(caller, async (tx) => {
      const row = await find(tx, idOrName);
      await tx.manager.update(
        Destination,
        { id: row.id },
        { deleted_at: new Date(), updated_at: new Date() },
      );
      await audit(tx.manager, {
        ...about(caller, 'destination', row.id),
        action: 'delete',
        details: { name: row.name },
      });
    });
  }

  /**
   * Takes a destination out of use on our own account. Only in the version that gave the reason: who has changed it
   * since then may have put it right. An administrator makes it active again.
   */
  async disable(caller: TenantCaller, id: DestinationId, version: number, reason: string): Promise<void> {
    await this.change(caller, async (tx) => {
      const row = await tx.manager.findOneBy(Destination, { id, version, deleted_at: IsNull() });
      if (row === null || row.status !== 'active') return;
      const { affected } = await tx.manager.update(
        Destination,
        { id, version },
        { status: 'inactive', status_reason: reason, version: version + 1, updated_at: new Date() },
      );
      if (affected === 1) await this.versioned(tx, caller, id, 'disable', this.view(row));
    });
  }

  /** Earlier versions, the newest first. */
  async versions(caller: TenantCaller, idOrName: string): Promise<object[]> {
    return this.parts.tenants.run(caller.tenantId, async (tx) => {
      const { id } = await find(tx, idOrName);
      const rows = await tx.manager.find(DestinationConfig, {
        where: { destination_id: id },
        order: { version: 'DESC' },
      });
      return rows.map(({ tenant_id: _tenant, ...row }) => ({ ...row, configuration: this.masked(row) }));
    });
  }

  private update(
    caller: TenantCaller,
    idOrName: string,
    change: (current: DestinationInput) => DestinationInput,
  ): Promise<DestinationView> {
    return this.change(caller, async (tx) => {
      const row = await find(tx, idOrName);
      const current = this.inputOf(row);
      const input = change(current);
      if (input.name !== row.name) await refuseTakenName(tx, input.name);
      const columns = this.columnsOf(caller, input, current);
      await tx.manager.update(
        Destination,
        { id: row.id },
        { ...columns, version: row.version + 1, updated_at: new Date() },
      );
      if (!isDeepStrictEqual(current.configuration['retry_policy'], columns.configuration['retry_policy']))
        await tx.query(RETRY_POLICY_CHANGED, [row.tenant_id, row.id]);
      return this.versioned(tx, caller, row.id, 'update', this.view(row));
    });
  }

  private async change<T>(caller: TenantCaller, work: (tx: TenantTx) => Promise<T>): Promise<T> {
    const done = await this.parts.tenants.run(caller.tenantId, work);
    this.parts.catalogue.forget(caller.tenantId);
    return done;
  }

  /** Checked by the protocol's own adapter, secrets sealed. `current` gives what a mask stands for. */
  private columnsOf({ tenantId }: TenantCaller, input: DestinationInput, current?: DestinationInput) {
    const adapter = this.adapterOf(input.protocol);
    const schema = adapter.configurationSchema;
    const before = current?.protocol === adapter.protocol ? current.configuration : {};
    const restored = restoreMasked(input.configuration, before, schema);
    if (!restored.ok) throw invalidConfiguration(restored.issues);
    const configuration = restored.value;
    const parsed = adapter.parse(configuration);
    if (!parsed.ok) throw invalidConfiguration(parsed.issues);
    this.assertHealthCheck(input.health_check);
    const transforms = parseTransformConfig(input.transform_config);
    if (!transforms.ok)
      throw new ApiError('VALIDATION_ERROR', 'the transform_config is not valid', transforms.issues);
    return {
      name: input.name,
      description: input.description ?? null,
      protocol: adapter.protocol,
      status: input.status ?? current?.status ?? 'active',
      status_reason: null,
      configuration: mapSecrets(configuration, schema, (secret) =>
        this.parts.box.seal(secret, destinationPlace(tenantId)),
      ),
      transform_config: input.transform_config,
      health_check_config: input.health_check,
      tags: input.tags,
    };
  }

  /** Asked by HTTP whatever the protocol, so the adapter of HTTP says whether it may be. */
  private assertHealthCheck({ endpoint }: JsonObject): void {
    if (endpoint === undefined) return;
    const parsed = this.parts.adapters
      .get('REST')
      ?.parse({ endpoint: 'https://example.com/', health_check: { endpoint } });
    if (parsed?.ok !== false) return;
    const issues = parsed.issues.map(({ field, issue }) => ({
      field: field.replace('configuration.', ''),
      issue,
    }));
    throw new ApiError('VALIDATION_ERROR', 'the health_check is not valid', issues);
  }

  /** A stored destination as it would be sent: secrets in plain text, for this process's eyes only. */
  private inputOf(row: Destination): DestinationInput {
    const schema = this.adapterOf(row.protocol).configurationSchema;
    return {
      name: row.name,
      description: row.description,
      protocol: row.protocol,
      status: row.status,
      configuration: mapSecrets(row.configuration as JsonObject, schema, (secret) =>
        this.parts.box.open(secret, destinationPlace(row.tenant_id)),
      ),
      transform_config: row.transform_config as JsonObject,
      health_check: row.health_check_config as JsonObject,
      tags: row.tags,
    };
  }

  private adapterOf(protocol: string): Adapter {
    const adapter = PROTOCOLS.includes(protocol as Protocol)
      ? this.parts.adapters.get(protocol as Protocol)
      : undefined;
    if (adapter !== undefined) return adapter;
    throw invalid('protocol', `must be one of ${[...this.parts.adapters.keys()].join(', ')}`);
  }

  private async versioned(
    tx: TenantTx,
    caller: TenantCaller,
    id: DestinationId,
    action: 'create' | 'update' | 'disable',
    before: DestinationView | null,
  ): Promise<DestinationView> {
    const { manager } = tx;
    const row = await manager.findOneByOrFail(Destination, { id });
    await manager.insert(DestinationConfig, {
      tenant_id: row.tenant_id,
      destination_id: row.id,
      version: row.version,
      description: row.description,
      protocol: row.protocol,
      status: row.status,
      configuration: row.configuration,
      transform_config: row.transform_config,
      health_check_config: row.health_check_config,
      tags: row.tags,
      changed_by: caller.actor,
    });
    await tx.query(CHECK_SOON, [row.tenant_id, id]);
    const after = this.view(row);
    await audit(manager, { ...about(caller, 'destination', id), action, details: plain({ before, after }) });
    return after;
  }

  private view(row: Destination): DestinationView {
    const { id, tenant_id: _tenant, deleted_at: _deleted, health_check_config, usage_count, ...rest } = row;
    return {
      destination_id: id,
      ...rest,
      configuration: this.masked(row),
      health_check: health_check_config,
      usage_count: Number(usage_count),
    };
  }

  private async watchedOne(tx: TenantTx, idOrName: string): Promise<WatchedDestination> {
    const row = await find(tx, idOrName);
    const breakerOf = await breakersOf(tx, [row.id]);
    return { ...this.view(row), breaker: breakerOf(row.id) };
  }

  private masked({ protocol, configuration }: { protocol: string; configuration: object }): JsonObject {
    const schema = this.parts.adapters.get(protocol as Protocol)?.configurationSchema;
    return schema === undefined ? {} : mask(configuration as JsonObject, schema);
  }
}

const invalidConfiguration = (issues: Issue[]): ApiError =>
  new ApiError('VALIDATION_ERROR', 'the configuration is not valid', issues);

/** RFC 7396: objects are merged, null removes, everything else replaces. */
function mergePatch(target: JsonObject, patch: JsonObject): JsonObject {
  const merged: JsonObject = { ...target };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = isJsonObject(value) ? mergePatch(objectOr(merged[name]), value) : value;
  }
  return merged;
}

const objectOr = (value: Json | undefined): JsonObject => (isJsonObject(value) ? value : {});

async function find({ manager }: TenantTx, idOrName: string): Promise<Destination> {
  if (idOrName.length > MAX_NAME) throw notFound('the destination');
  const key = isUuid(idOrName) ? { id: idOrName as DestinationId } : { name: idOrName };
  const row = await manager.findOneBy(Destination, { ...key, deleted_at: IsNull() });
  if (row === null) throw notFound(`destination ${idOrName}`);
  return row;
}

async function refuseTakenName({ manager }: TenantTx, name: string): Promise<void> {
  if (!(await manager.existsBy(Destination, { name, deleted_at: IsNull() }))) return;
  throw conflict('name', `${name} is registered already; choose another, or change that one with PUT`);
}
