import { type TenantTransaction } from '../database/tenant-transaction';
import { type Clock } from '../kernel/clock';
import { type JsonObject } from '../kernel/json';
import { type TenantId } from '../kernel/ids';
import { parseTransform, type Transform } from '../transforms/transform';
import { Remembered } from './remembered';

const TRANSFORM = {
  name: 'transform_by_name',
  text: `SELECT engine, spec, input_format, output_format, output_schema FROM transforms WHERE name = $1`,
};

/** The tenant's own type before the one that is offered to everybody. */
const DATA_TYPE_SCHEMA = {
  name: 'data_type_schema',
  text: `SELECT schema_definition FROM data_types WHERE id = $1 ORDER BY tenant_id NULLS LAST LIMIT 1`,
};

/** Large ones may be among them. */
const MOST_REMEMBERED = 2000;

/** Named transforms and data types' schemas as delivery needs them: in memory, read again when a second old. */
export class TransformCatalogue {
  private readonly transforms: Remembered<string, Transform | undefined>;
  private readonly schemas: Remembered<string, JsonObject | null>;

  constructor(
    private readonly tenants: TenantTransaction,
    clock: Clock,
  ) {
    const remembering = <Value>(read: (tenantId: TenantId, name: string) => Promise<Value>) =>
      new Remembered<string, Value>((key) => read(...partsOf(key)), clock, MOST_REMEMBERED);
    this.transforms = remembering((tenantId, name) => this.readTransform(tenantId, name));
    this.schemas = remembering((tenantId, dataType) => this.readSchema(tenantId, dataType));
  }

  /** A name that is not known is looked up again before it counts as unknown. */
  async byName(tenantId: TenantId, name: string): Promise<Transform | undefined> {
    const key = keyOf(tenantId, name);
    return (await this.transforms.get(key)) ?? this.transforms.again(key);
  }

  schemaOf(tenantId: TenantId, dataType: string): Promise<JsonObject | null> {
    return this.schemas.get(keyOf(tenantId, dataType));
  }

  /** After a change of a transform or data type, of a tenant's or of everybody's: the next delivery sees it. */
  forget(owner: TenantId | null): void {
    const isOwners = (key: string): boolean => owner === null || partsOf(key)[0] === owner;
    this.transforms.forgetAll(isOwners);
    this.schemas.forgetAll(isOwners);
  }

  private async readTransform(tenantId: TenantId, name: string): Promise<Transform | undefined> {
    const [row] = await this.tenants.run(tenantId, (tx) => tx.query<JsonObject>(TRANSFORM, [name]));
    if (row === undefined) return undefined;
    const parsed = parseTransform(row);
    if (parsed.ok) return parsed.value;
    throw new Error(`the stored transform ${name} is not valid: ${JSON.stringify(parsed.issues)}`);
  }

  private async readSchema(tenantId: TenantId, dataType: string): Promise<JsonObject | null> {
    type Row = { schema_definition: JsonObject | null };
    const [row] = await this.tenants.run(tenantId, (tx) => tx.query<Row>(DATA_TYPE_SCHEMA, [dataType]));
    return row?.schema_definition ?? null;
  }
}

/** A tenant's id contains no slash. */
const keyOf = (tenantId: TenantId, name: string): string => `${tenantId}/${name}`;

function partsOf(key: string): [tenantId: TenantId, name: string] {
  const end = key.indexOf('/');
  return [key.slice(0, end) as TenantId, key.slice(end + 1)];
}
