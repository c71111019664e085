import { type Clock } from '../kernel/clock';
import { type DestinationId, type TenantId } from '../kernel/ids';
import { type JsonObject } from '../kernel/json';
import { type Protocol } from '../adapters/port';
import { type TenantTransaction } from '../database/tenant-transaction';
import { type Destination, type DestinationStatus } from './entities';
import { Remembered } from './remembered';

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
}

const ALL = {
  name: 'destinations_of_tenant',
  text: `SELECT id, name, protocol, status, health_status, tags, version, configuration, transform_config
         FROM destinations WHERE deleted_at IS NULL`,
};

/** The tenant's destinations in memory, read again when they are a second old or when asked for a newer one. */
export class DestinationCatalogue {
  private readonly remembered: Remembered<TenantId, TenantCatalogue>;

  constructor(
    private readonly tenants: TenantTransaction,
    clock: Clock,
  ) {
    this.remembered = new Remembered((tenantId) => this.read(tenantId), clock);
  }

  /** A name that is not known is looked up again before it counts as unknown. */
  async byNames(tenantId: TenantId, names: readonly string[]): Promise<Map<string, KnownDestination>> {
    let catalogue = await this.remembered.get(tenantId);
    if (names.some((name) => !catalogue.byName.has(name))) catalogue = await this.remembered.again(tenantId);
    return new Map(
      names.flatMap((name) => {
        const found = catalogue.byName.get(name);
        return found === undefined ? [] : [[name, found] as const];
      }),
    );
  }

  /** Every registered destination by name. */
  async all(tenantId: TenantId): Promise<ReadonlyMap<string, KnownDestination>> {
    return (await this.remembered.get(tenantId)).byName;
  }

  /** The destination in at least this version; undefined where it was deleted. */
  async byId(tenantId: TenantId, id: DestinationId, version: number): Promise<KnownDestination | undefined> {
    const known = this.remembered.latest(tenantId)?.byId.get(id);
    if (known !== undefined && known.version >= version) return known;
    const read = (await this.remembered.newest(tenantId)).byId.get(id);
    if (read !== undefined && read.version >= version) return read;
    return (await this.remembered.again(tenantId)).byId.get(id);
  }

  forget(tenantId: TenantId): void {
    this.remembered.forget(tenantId);
  }

  private async read(tenantId: TenantId): Promise<TenantCatalogue> {
    const rows = await this.tenants.run(tenantId, (tx) => tx.query<KnownDestination>(ALL, []));
    return {
      byName: new Map(rows.map((row) => [row.name, row])),
      byId: new Map(rows.map((row) => [row.id, row])),
    };
  }
}
