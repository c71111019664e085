import { type TenantTransaction } from '../database/tenant-transaction';
import { type Clock } from '../kernel/clock';
import { type JsonObject } from '../kernel/json';
import { type TenantId } from '../kernel/ids';
import { parseTransform, type Transform } from '../transforms/transform';

const TRANSFORM = {
  name: 'transform_by_name',
  text: `SELECT engine, spec, input_format, output_format, output_schema FROM transforms WHERE name = $1`,
};

/** The tenant's own type before the one that is offered to everybody. */
const DATA_TYPE_SCHEMA = {
  name: 'data_type_schema',
  text: `SELECT schema_definition FROM data_types WHERE id = $1 ORDER BY tenant_id NULLS LAST LIMIT 1`,
};

/** A change made by another process is seen within a second, also when no hint of it arrives. */
const BELIEVED_MS = 900;
const MOST_KEPT = 2000;

interface Read<T> {
  value: Promise<T>;
  at: number;
}

/** Named transforms and data types' schemas as delivery needs them: in memory, read again when a second old. */
export class TransformCatalogue {
  private readonly transforms = new Map<string, Read<Transform | undefined>>();
  private readonly schemas = new Map<string, Read<JsonObject | null>>();

  constructor(
    private readonly tenants: TenantTransaction,
    private readonly clock: Clock,
  ) {}

  /** A name that is not known is looked up again before it counts as unknown. */
  async byName(tenantId: TenantId, name: string): Promise<Transform | undefined> {
    const before = this.now();
    const read = (): Promise<Transform | undefined> => this.readTransform(tenantId, name);
    const known = this.believed(this.transforms, `${tenantId}/${name}`, read);
    const transform = await known.value;
    if (transform !== undefined || known.at >= before) return transform;
    this.transforms.delete(`${tenantId}/${name}`);
    return this.believed(this.transforms, `${tenantId}/${name}`, read).value;
  }

  schemaOf(tenantId: TenantId, dataType: string): Promise<JsonObject | null> {
    return this.believed(this.schemas, `${tenantId}/${dataType}`, async () => {
      const rows = await this.tenants.run(tenantId, (tx) =>
        tx.query<{ schema_definition: JsonObject | null }>(DATA_TYPE_SCHEMA, [dataType]),
      );
      return rows[0]?.schema_definition ?? null;
    }).value;
  }

  /** After a change of a transform or data type, of a tenant's or of everybody's: the next delivery sees it. */
  forget(owner: TenantId | null): void {
    for (const kept of [this.transforms, this.schemas]) {
      for (const key of kept.keys()) if (owner === null || key.startsWith(`${owner}/`)) kept.delete(key);
    }
  }

  private now(): number {
    return this.clock.now().getTime();
  }

  /** Everybody who asks while a read is on its way waits for the same one. */
  private believed<T>(kept: Map<string, Read<T>>, key: string, read: () => Promise<T>): Read<T> {
    const known = kept.get(key);
    if (known !== undefined && this.now() - known.at < BELIEVED_MS) return known;
    if (kept.size >= MOST_KEPT) kept.clear();
    const fresh: Read<T> = { value: read(), at: this.now() };
    kept.set(key, fresh);
    fresh.value.catch(() => kept.get(key) === fresh && kept.delete(key));
    return fresh;
  }

  private async readTransform(tenantId: TenantId, name: string): Promise<Transform | undefined> {
    const [row] = await this.tenants.run(tenantId, (tx) => tx.query<JsonObject>(TRANSFORM, [name]));
    if (row === undefined) return undefined;
    const parsed = parseTransform(row);
    if (parsed.ok) return parsed.value;
    throw new Error(`the stored transform ${name} is not valid: ${JSON.stringify(parsed.issues)}`);
  }
}
