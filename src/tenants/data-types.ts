import { ApiError, conflict, invalid, notFound } from '../kernel/errors';
import { type JsonObject, plain } from '../kernel/json';
import { type TenantId } from '../kernel/ids';
import { about, audit } from './audit';
import { type Changes, definedOf } from './changes';
import { nextRevision } from './configuration-revisions';
import {
  type ConfigurationTransaction,
  type ConfigurationTx,
  type Owner,
  ownerNamed,
} from './configuration-transaction';
import { keepVersion, versionsOf, type VersionView } from './configuration-versions';
import { type ValidationRules } from './data-type-rules';
import { compileSchema } from './data-type-schema';
import { FIND, INSERT, LIST, REMOVE, UPDATE } from './data-types.sql';
import { type Caller } from './scopes';

export interface DataTypeInput {
  id: string;
  name: string;
  description?: string | null | undefined;
  schema_definition?: JsonObject | null | undefined;
  validation_rules: ValidationRules;
  /** Null: for every tenant. */
  tenant_id?: string | null | undefined;
}

/** What is absent stays; the schema and the validation rules are replaced as a whole. */
export type DataTypePatch = Changes<Omit<DataTypeInput, 'id'>>;

export type DataTypeRow = {
  id: string;
  tenant_id: TenantId | null;
  name: string;
  description: string | null;
  schema_definition: JsonObject | null;
  validation_rules: ValidationRules;
  version: number;
  created_at: Date;
  updated_at: Date;
};

export interface DataTypeParts {
  transactions: ConfigurationTransaction;
  /** What is kept of the owner's data types, here and in other processes, must be looked up again. */
  onChange: (owner: Owner) => void;
}

/** The data types of a tenant and of the platform; every write makes a version that is kept. */
export class DataTypes {
  constructor(private readonly parts: DataTypeParts) {}

  async create(caller: Caller, { tenant_id, ...input }: DataTypeInput): Promise<DataTypeRow> {
    const owner = ownerNamed(caller, tenant_id);
    check(input);
    return this.change(caller, owner, async (tx) => {
      if ((await findIn(tx, owner, input.id)) !== undefined) {
        throw conflict('id', `there is a data type ${input.id} already; change that one with PUT`);
      }
      return this.written(tx, caller, INSERT, input, undefined);
    });
  }

  async list(caller: Caller): Promise<DataTypeRow[]> {
    return this.parts.transactions.see(caller, (tx) => tx.query<DataTypeRow>(LIST, [tx.owner]));
  }

  /** The tenant's own or, where it has none of this id, the platform's. */
  async get(caller: Caller, id: string): Promise<DataTypeRow> {
    return this.parts.transactions.see(caller, async (tx) => {
      const own = await findIn(tx, tx.owner, id);
      return own ?? find(tx, null, id);
    });
  }

  async replace(caller: Caller, id: string, input: DataTypeInput): Promise<DataTypeRow> {
    if (input.id !== id) throw invalid('id', 'is not that of the path; a data type keeps its id');
    return this.update(caller, id, () => input);
  }

  async patch(caller: Caller, id: string, patch: DataTypePatch): Promise<DataTypeRow> {
    return this.update(caller, id, (current) => ({ ...current, ...definedOf(patch) }));
  }

  /** Jobs of the type are accepted as before it was there; a tenant's own gives way to the platform's. */
  async remove(caller: Caller, id: string): Promise<void> {
    const { tenant_id: owner } = await this.get(caller, id);
    await this.change(caller, owner, async (tx) => {
      const before = await find(tx, owner, id);
      await tx.query(REMOVE, [owner, id]);
      await audit(tx.manager, {
        ...about(caller, 'data_type', id, owner),
        action: 'delete',
        details: plain({ before }),
      });
    });
  }

  async versions(caller: Caller, id: string): Promise<VersionView[]> {
    const { tenant_id: owner } = await this.get(caller, id);
    return this.parts.transactions.see(caller, (tx) => versionsOf(tx, owner, 'data_type', id));
  }

  private async update(
    caller: Caller,
    id: string,
    change: (current: DataTypeInput) => DataTypeInput,
  ): Promise<DataTypeRow> {
    const { tenant_id: owner } = await this.get(caller, id);
    return this.change(caller, owner, async (tx) => {
      const before = await find(tx, owner, id);
      const { tenant_id, ...input } = change(before);
      if (tenant_id !== undefined && tenant_id !== owner) throw invalid('tenant_id', 'cannot be changed');
      check(input);
      return this.written(tx, caller, UPDATE, input, before);
    });
  }

  private async change<T>(
    caller: Caller,
    owner: Owner,
    work: (tx: ConfigurationTx) => Promise<T>,
  ): Promise<T> {
    const done = await this.parts.transactions.run(caller, owner, async (tx) => {
      await nextRevision(tx, 'data_types');
      return work(tx);
    });
    this.parts.onChange(owner);
    return done;
  }

  private async written(
    tx: ConfigurationTx,
    caller: Caller,
    statement: typeof INSERT,
    input: Omit<DataTypeInput, 'tenant_id'>,
    before: DataTypeRow | undefined,
  ): Promise<DataTypeRow> {
    const schema = input.schema_definition ?? null;
    const [after] = await tx.query<DataTypeRow>(statement, [
      tx.owner,
      input.id,
      input.name,
      input.description ?? null,
      schema === null ? null : JSON.stringify(schema),
      JSON.stringify(input.validation_rules),
    ]);
    if (after === undefined) throw new Error('a data type was not written');
    const { id, version, name, description, schema_definition, validation_rules } = after;
    const content = plain({ id, name, description, schema_definition, validation_rules });
    await keepVersion(tx, caller, { kind: 'data_type', resourceId: id, version, content });
    const action = before === undefined ? 'create' : 'update';
    await audit(tx.manager, {
      ...about(caller, 'data_type', id, tx.owner),
      action,
      details: plain({ before: before ?? null, after }),
    });
    return after;
  }
}

function check({ schema_definition }: Omit<DataTypeInput, 'tenant_id'>): void {
  if (schema_definition === null || schema_definition === undefined) return;
  const compiled = compileSchema(schema_definition);
  if (!compiled.ok) throw new ApiError('VALIDATION_ERROR', 'the data type is not valid', compiled.issues);
}

async function findIn(tx: ConfigurationTx, owner: Owner, id: string): Promise<DataTypeRow | undefined> {
  const [row] = await tx.query<DataTypeRow>(FIND, [owner, id]);
  return row;
}

async function find(tx: ConfigurationTx, owner: Owner, id: string): Promise<DataTypeRow> {
  const row = await findIn(tx, owner, id);
  if (row === undefined) throw notFound(`data type ${id.slice(0, 50)}`);
  return row;
}
