import { type Clock } from '../kernel/clock';
import { type DestinationId, type TenantId } from '../kernel/ids';
import { type JsonObject } from '../kernel/json';
import { type Protocol } from '../adapters/port';
import { type TenantTransaction } from '../database/tenant-transaction';
import { type Destination, type DestinationStatus } from './entities';

/** A registered destination as intake and delivery need it; secrets are sealed. */
export type KnownDestination = {
  id: DestinationId;
  name: string;
  protocol: Protocol;
  status: DestinationStatus;
  health_status: Destination['health_status'];
  tags: string[];
  version: number;
  configuration: JsonObject;
  transform_config: JsonObject;
};

interface TenantCatalogue {
  byName: Map<string, KnownDestination>;
  byId: Map<DestinationId, KnownDestination>;
  readAt: number;
}

const ALL = {
  name: 'destinations_of_tenant',
  text: `SELECT id, name, protocol, status, health_status, tags, version, configuration, transform_config
         FROM destinations WHERE deleted_at IS NULL`,
};

/** A change made by another process is seen after this time at the latest. */
const BELIEVED_MS = 1000;

/** The tenant's destinations in memory, read again when they are a second old or when asked for a newer one. */
export class DestinationCatalogue {
  private readonly tenantsKnown = new Map<TenantId, TenantCatalogue>();

  constructor(
    private readonly tenants: TenantTransaction,
    private readonly clock: Clock,
  ) {}

  /** A name that is not known is looked up again before it counts as unknown. */
  async byNames(tenantId: TenantId, names: readonly string[]): Promise<Map<string, KnownDestination>> {
    let catalogue = await this.current(tenantId);
    if (names.some((name) => !catalogue.byName.has(name))) catalogue = await this.read(tenantId);
    return new Map(
      names.flatMap((name) => {
        const found = catalogue.byName.get(name);
        return found === undefined ? [] : [[name, found] as const];
      }),
    );
  }

  /** Every registered destination by name. */
  async all(tenantId: TenantId): Promise<ReadonlyMap<string, KnownDestination>> {
    return (await this.current(tenantId)).byName;
  }

  /** The destination in at least this version; undefined where it was deleted. */
  async byId(tenantId: TenantId, id: DestinationId, version: number): Promise<KnownDestination | undefined> {
    const known = this.tenantsKnown.get(tenantId)?.byId.get(id);
    if (known !== undefined && known.version >= version) return known;
    return (await this.read(tenantId)).byId.get(id);
  }

  forget(tenantId: TenantId): void {
    this.tenantsKnown.delete(tenantId);
  }

  private async current(tenantId: TenantId): Promise<TenantCatalogue> {
    const known = this.tenantsKnown.get(tenantId);
    if (known !== undefined && this.clock.now().getTime() - known.readAt < BELIEVED_MS) return known;
    return this.read(tenantId);
  }

  private async read(tenantId: TenantId): Promise<TenantCatalogue> {
    const readAt = this.clock.now().getTime();
    const rows = await this.tenants.run(tenantId, (tx) => tx.query<KnownDestination>(ALL, []));
    const catalogue = {
      byName: new Map(rows.map((row) => [row.name, row])),
      byId: new Map(rows.map((row) => [row.id, row])),
      readAt,
    };
    this.tenantsKnown.set(tenantId, catalogue);
    return catalogue;
  }
}
