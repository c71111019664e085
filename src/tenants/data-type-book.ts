import { type TenantTransaction } from '../database/tenant-transaction';
import { type Issue } from '../kernel/errors';
import { type JsonObject } from '../kernel/json';
import { type TenantId } from '../kernel/ids';
import { type ConfigurationRevisions } from './configuration-revisions';
import { compileSchema, type PayloadCheck } from './data-type-schema';
import { ruleIssues, type TypedSubmission, type ValidationRules } from './data-type-rules';

/** A data type as intake and transforms need it. */
export interface KnownDataType {
  id: string;
  /** Null: offered to every tenant. */
  tenant_id: TenantId | null;
  version: number;
  schema_definition: JsonObject | null;
  validation_rules: ValidationRules;
}

interface Entry {
  type: KnownDataType;
  /** Compiled when the first submission of the type comes. */
  check: PayloadCheck | undefined;
}

interface Catalogue {
  byId: Map<string, Entry>;
  /** Revisions that it was read at. */
  own: number;
  global: number;
}

/** The data types in force for one tenant, at one moment. */
export class TenantDataTypes {
  constructor(
    private readonly byId: ReadonlyMap<string, Entry>,
    private readonly strict: boolean,
  ) {}

  /** What the data type has against a submission. */
  issuesOf(submission: TypedSubmission): Issue[] {
    const entry = this.byId.get(submission.data_type);
    if (entry === undefined) return this.strict ? [unknownType(submission.data_type)] : [];
    const issues = ruleIssues(entry.type.validation_rules, submission);
    if (issues.some(({ field }) => field === 'payload')) return issues;
    return [...issues, ...checkOf(entry)(submission.payload)];
  }
}

const unknownType = (id: string): Issue => ({
  field: 'data_type',
  issue: `${id} is not in the catalogue, and the tenant takes no other; register it (POST /api/v1/data-types)`,
});

function checkOf(entry: Entry): PayloadCheck {
  const { schema_definition } = entry.type;
  if (entry.check !== undefined) return entry.check;
  const compiled = schema_definition === null ? undefined : compileSchema(schema_definition);
  entry.check =
    compiled?.ok === true ? compiled.check : () => (compiled?.ok === false ? compiled.issues : []);
  return entry.check;
}

const ALL = {
  name: 'data_types_of_tenant',
  text: `SELECT id, tenant_id, version, schema_definition, validation_rules
         FROM data_types WHERE tenant_id = $1 OR tenant_id IS NULL`,
};

const NONE: ReadonlyMap<string, Entry> = new Map();
const MOST_KEPT = 1000;

/** Data types by tenant, with their compiled schemas; read again when a revision says that something changed. */
export class DataTypeBook {
  private readonly kept = new Map<TenantId, Catalogue>();
  private readonly reading = new Map<TenantId, Promise<Catalogue>>();

  constructor(
    private readonly tenants: TenantTransaction,
    private readonly revisions: ConfigurationRevisions,
  ) {}

  async of(tenantId: TenantId): Promise<TenantDataTypes> {
    const { dataTypes, globalDataTypes, strictDataTypes } = await this.revisions.current(tenantId);
    if (dataTypes === undefined && globalDataTypes === undefined) {
      return new TenantDataTypes(NONE, strictDataTypes);
    }
    const { byId } = await this.upToDate(tenantId, dataTypes ?? 0, globalDataTypes ?? 0);
    return new TenantDataTypes(byId, strictDataTypes);
  }

  private async upToDate(tenantId: TenantId, own: number, global: number): Promise<Catalogue> {
    for (;;) {
      const kept = this.kept.get(tenantId);
      if (kept !== undefined && kept.own >= own && kept.global >= global) return kept;
      let reading = this.reading.get(tenantId);
      if (reading === undefined) {
        reading = this.read(tenantId, own, global).finally(() => this.reading.delete(tenantId));
        this.reading.set(tenantId, reading);
      }
      await reading;
    }
  }

  private async read(tenantId: TenantId, own: number, global: number): Promise<Catalogue> {
    const rows = await this.tenants.run(tenantId, (tx) => tx.query<KnownDataType>(ALL, [tenantId]));
    const before = this.kept.get(tenantId)?.byId ?? NONE;
    // The tenant's own take precedence.
    rows.sort((one, other) => Number(other.tenant_id === null) - Number(one.tenant_id === null));
    const byId = new Map(
      rows.map((type) => [type.id, { type, check: sameCheck(before.get(type.id), type) }]),
    );
    const catalogue = { byId, own, global };
    this.kept.delete(tenantId);
    this.kept.set(tenantId, catalogue);
    const oldest = this.kept.size > MOST_KEPT ? this.kept.keys().next().value : undefined;
    if (oldest !== undefined) this.kept.delete(oldest);
    return catalogue;
  }
}

/** What was compiled for the same version stays. */
const sameCheck = (
  before: Entry | undefined,
  { tenant_id, version }: KnownDataType,
): PayloadCheck | undefined =>
  before?.type.version === version && before.type.tenant_id === tenant_id ? before.check : undefined;
