import { uuidv7 } from 'uuidv7';
import { type TenantTransaction, type TenantTx } from '../database/tenant-transaction';
import { ApiError, conflict, notFound } from '../kernel/errors';
import { type Json, type JsonObject, plain } from '../kernel/json';
import { isUuid, type TenantId } from '../kernel/ids';
import { parseTransform, type Transform } from '../transforms/transform';
import { type Transformer } from '../transforms/transformer';
import { about, audit } from './audit';
import { type Changes, definedOf } from './changes';
import { AuditEntry } from './entities';
import { type TenantCaller } from './scopes';
import { type TransformCatalogue } from './transform-catalogue';
import { CREATE, DELETE, FIND, LIST, UPDATE, USERS } from './transforms.sql';

export interface TransformInput {
  name: string;
  engine: string;
  spec: Json;
  input_format: string;
  output_format: string;
  output_schema: JsonObject | null;
}

export type TransformView = TransformInput & {
  id: string;
  version: number;
  created_at: Date;
  updated_at: Date;
};

export interface Previewed {
  output: string;
  content_type: string;
}

export interface PreviewInput {
  transform: string | JsonObject;
  input: JsonObject;
  format?: string | undefined;
  data_type?: string | undefined;
}

interface TransformsParts {
  tenants: TenantTransaction;
  catalogue: TransformCatalogue;
  transformer: Pick<Transformer, 'run' | 'check'>;
  /** What is kept of the tenant's transforms, here and in other processes, must be looked up again. */
  onChange: (tenantId: TenantId) => void;
}

/** The named transforms of a tenant. Every write is a version; the audit log keeps each as it was. */
export class Transforms {
  constructor(private readonly parts: TransformsParts) {}

  async create(caller: TenantCaller, input: TransformInput): Promise<TransformView> {
    const checked = await this.checked(caller, input);
    return this.change(caller, async (tx) => {
      await refuseTakenName(tx, input.name);
      const [row] = await tx.query<TransformView>(CREATE, [
        uuidv7(),
        caller.tenantId,
        ...values(input.name, checked),
      ]);
      return this.recorded(tx, caller, 'create', null, row);
    });
  }

  list({ tenantId }: TenantCaller): Promise<TransformView[]> {
    return this.parts.tenants.run(tenantId, (tx) => tx.query<TransformView>(LIST, []));
  }

  get({ tenantId }: TenantCaller, idOrName: string): Promise<TransformView> {
    return this.parts.tenants.run(tenantId, (tx) => find(tx, idOrName));
  }

  /** Every version, the newest first. */
  async versions({ tenantId }: TenantCaller, idOrName: string): Promise<Json[]> {
    return this.parts.tenants.run(tenantId, async (tx) => {
      const { id } = await find(tx, idOrName);
      const entries = await tx.manager.find(AuditEntry, {
        where: { tenant_id: tenantId, resource_type: 'transform', resource_id: id },
        order: { id: 'DESC' },
      });
      return entries.map(({ actor, details }) => ({
        ...(details as { after: JsonObject }).after,
        changed_by: actor,
      }));
    });
  }

  replace(caller: TenantCaller, idOrName: string, input: TransformInput): Promise<TransformView> {
    return this.update(caller, idOrName, () => input);
  }

  /** `spec` and `output_schema` are replaced as a whole. */
  patch(caller: TenantCaller, idOrName: string, patch: Changes<TransformInput>): Promise<TransformView> {
    return this.update(caller, idOrName, (current) => ({ ...current, ...definedOf(patch) }));
  }

  /** Refused while a rule or destination names it; a submission that does is told when it is delivered. */
  async remove(caller: TenantCaller, idOrName: string): Promise<void> {
    await this.change(caller, async (tx) => {
      const before = await find(tx, idOrName);
      await refuseUsed(tx, before.name);
      await tx.query(DELETE, [before.id]);
      await audit(tx.manager, {
        ...about(caller, 'transform', before.id),
        action: 'delete',
        details: plain({ before }),
      });
    });
  }

  /** What a delivery would carry, made in the same way. */
  async preview(
    { tenantId }: TenantCaller,
    { transform, input, format, data_type }: PreviewInput,
  ): Promise<Previewed> {
    const chosen = await this.chosen(tenantId, transform, format);
    const { filters } = chosen;
    const schema = data_type === undefined ? null : await this.parts.catalogue.schemaOf(tenantId, data_type);
    const work = { transform: chosen, filters, dataTypeSchema: schema };
    const done = await this.parts.transformer.run(tenantId, work, JSON.stringify(input));
    if (!done.ok) throw new ApiError('TRANSFORMATION_FAILED', done.message);
    return { output: done.body, content_type: done.contentType };
  }

  private async chosen(
    tenantId: TenantId,
    transform: string | JsonObject,
    format: string | undefined,
  ): Promise<Transform> {
    if (typeof transform !== 'string') {
      return valid(format === undefined ? transform : { ...transform, output_format: format });
    }
    const named = await this.parts.catalogue.byName(tenantId, transform);
    if (named === undefined) throw notFound(`transform ${transform}`);
    return format === undefined ? named : { ...named, output_format: format as Transform['output_format'] };
  }

  private async update(
    caller: TenantCaller,
    idOrName: string,
    change: (current: TransformInput) => TransformInput,
  ): Promise<TransformView> {
    const current = await this.get(caller, idOrName);
    const input = change(inputOf(current));
    const checked = await this.checked(caller, input);
    return this.change(caller, async (tx) => {
      const before = await find(tx, current.id);
      if (before.version !== current.version)
        throw conflict('version', 'changed by somebody else meanwhile; read it again');
      if (input.name !== before.name) {
        await refuseTakenName(tx, input.name);
        await refuseUsed(tx, before.name);
      }
      const [row] = await tx.query<TransformView>(UPDATE, [
        current.id,
        current.version,
        ...values(input.name, checked),
      ]);
      if (row === undefined) throw conflict('version', 'changed by somebody else meanwhile; read it again');
      return this.recorded(tx, caller, 'update', before, row);
    });
  }

  /** Outside any transaction: the sandbox may take its time over a program. */
  private async checked(
    { tenantId }: TenantCaller,
    { name: _name, ...input }: TransformInput,
  ): Promise<Transform> {
    const transform = valid(input);
    const issue = await this.parts.transformer.check(tenantId, transform);
    if (issue === undefined) return transform;
    const field = issue.startsWith('output_schema') ? 'output_schema' : 'spec';
    throw new ApiError('VALIDATION_ERROR', `${field}: ${issue}`, [{ field, issue }]);
  }

  private async change<T>(caller: TenantCaller, work: (tx: TenantTx) => Promise<T>): Promise<T> {
    const done = await this.parts.tenants.run(caller.tenantId, work);
    this.parts.onChange(caller.tenantId);
    return done;
  }

  private async recorded(
    { manager }: TenantTx,
    caller: TenantCaller,
    action: 'create' | 'update',
    before: TransformView | null,
    after: TransformView | undefined,
  ): Promise<TransformView> {
    if (after === undefined) throw new Error('the written transform did not come back');
    await audit(manager, {
      ...about(caller, 'transform', after.id),
      action,
      details: plain({ before, after }),
    });
    return after;
  }
}

function valid(input: object): Transform {
  const parsed = parseTransform(input, '');
  if (parsed.ok) return parsed.value;
  const issues = parsed.issues.map(({ field, issue }) => ({
    field: field.replace(/^\./, '') || 'transform',
    issue,
  }));
  throw new ApiError('VALIDATION_ERROR', 'the transform is not valid', issues);
}

const values = (
  name: string,
  { engine, spec, input_format, output_format, output_schema }: Transform,
): unknown[] => [
  name,
  engine,
  JSON.stringify(spec),
  input_format,
  output_format,
  output_schema === null ? null : JSON.stringify(output_schema),
];

const inputOf = ({
  name,
  engine,
  spec,
  input_format,
  output_format,
  output_schema,
}: TransformView): TransformInput => ({
  name,
  engine,
  spec,
  input_format,
  output_format,
  output_schema,
});

async function find(tx: TenantTx, idOrName: string): Promise<TransformView> {
  const rows = await tx.query<TransformView>(FIND, [
    isUuid(idOrName) ? idOrName : null,
    idOrName.slice(0, 101),
  ]);
  const [row] = rows;
  if (row === undefined) throw notFound(`transform ${idOrName}`);
  return row;
}

async function refuseTakenName(tx: TenantTx, name: string): Promise<void> {
  const [taken] = await tx.query<TransformView>(FIND, [null, name]);
  if (taken !== undefined)
    throw conflict('name', `${name} exists already; choose another, or change that one with PUT`);
}

async function refuseUsed(tx: TenantTx, name: string): Promise<void> {
  const users = await tx.query<{ label: string }>(USERS, [tx.tenantId, name]);
  if (users.length === 0) return;
  const labels = users.map(({ label }) => label).join(', ');
  throw conflict('name', `${name} is used by ${labels}; give them another transform first`);
}
