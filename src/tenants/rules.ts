import { IsNull } from 'typeorm';
import { ApiError, conflict, invalid, notFound } from '../kernel/errors';
import { isUuid, newId, type RuleId } from '../kernel/ids';
import { type JsonObject, plain } from '../kernel/json';
import { type RuleType } from '../rules/actions';
import { type CompiledRule, compileRule } from '../rules/rule-set';
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
import { Rule } from './entities';
import { type ProgramCheck } from './program-check';
import { type Caller } from './scopes';

export interface RuleInput {
  name: string;
  description?: string | null | undefined;
  rule_type: RuleType;
  conditions: JsonObject;
  actions: JsonObject;
  priority: number;
  enabled: boolean;
  /** Null: for every tenant. */
  tenant_id?: string | null | undefined;
}

/** What is absent stays; conditions and actions are replaced as a whole. */
export type RulePatch = Changes<RuleInput>;

export interface RuleFilter {
  rule_type?: RuleType | undefined;
  enabled?: boolean | undefined;
  limit: number;
  offset: number;
}

export type RuleView = Omit<Rule, 'id' | 'revision' | 'deleted_at'> & { rule_id: RuleId };

export interface RuleParts {
  transactions: ConfigurationTransaction;
  programs: ProgramCheck;
  /** What is kept of the owner's rules, here and in other processes, must be looked up again. */
  onChange: (owner: Owner) => void;
}

/** The rules of a tenant and of the platform; every write makes a version that is kept. */
export class Rules {
  constructor(private readonly parts: RuleParts) {}

  async create(caller: Caller, { tenant_id, ...input }: RuleInput): Promise<RuleView> {
    const owner = ownerNamed(caller, tenant_id);
    await this.parts.programs.refuseRule(owner, checked(input));
    return this.change(caller, owner, async (tx, revision) => {
      await refuseTakenName(tx, input.name);
      const id = newId<RuleId>();
      await tx.manager.insert(Rule, {
        ...input,
        description: input.description ?? null,
        id,
        tenant_id: owner,
        revision,
      });
      return this.versioned(tx, caller, id, 'create', null);
    });
  }

  /** In the order of evaluation. */
  async list(caller: Caller, { limit, offset, ...filter }: RuleFilter): Promise<RuleView[]> {
    return this.parts.transactions.see(caller, async ({ owner, manager }) => {
      const own = { ...definedOf(filter), deleted_at: IsNull() };
      const global = { ...own, tenant_id: IsNull() };
      const rows = await manager
        .createQueryBuilder(Rule, 'rule')
        .innerJoin('rule_types', 'type', 'type.id = rule.rule_type')
        .where(owner === null ? [global] : [{ ...own, tenant_id: owner }, global])
        .orderBy('type.evaluation_order')
        .addOrderBy('rule.priority', 'DESC')
        .addOrderBy('rule.name')
        .addOrderBy('rule.id')
        .limit(limit)
        .offset(offset)
        .getMany();
      return rows.map(view);
    });
  }

  async get(caller: Caller, id: string): Promise<RuleView> {
    return view(await this.visible(caller, id));
  }

  async replace(caller: Caller, id: string, input: RuleInput): Promise<RuleView> {
    return this.update(caller, id, 'update', () => input);
  }

  async patch(caller: Caller, id: string, patch: RulePatch): Promise<RuleView> {
    return this.update(caller, id, 'update', (current) => ({ ...current, ...definedOf(patch) }));
  }

  async setEnabled(caller: Caller, id: string, enabled: boolean): Promise<RuleView> {
    return this.update(caller, id, enabled ? 'enable' : 'disable', ({ tenant_id: _owner, ...current }) => ({
      ...current,
      enabled,
    }));
  }

  async remove(caller: Caller, id: string): Promise<void> {
    const { tenant_id: owner } = await this.visible(caller, id);
    await this.change(caller, owner, async (tx, revision) => {
      const row = await find(tx, owner, id);
      const now = new Date();
      await tx.manager.update(Rule, { id: row.id }, { deleted_at: now, updated_at: now, revision });
      await audit(tx.manager, {
        ...about(caller, 'rule', row.id, row.tenant_id),
        action: 'delete',
        details: plain({ before: view(row) }),
      });
    });
  }

  async versions(caller: Caller, id: string): Promise<VersionView[]> {
    const { tenant_id: owner } = await this.visible(caller, id);
    return this.parts.transactions.see(caller, (tx) => versionsOf(tx, owner, 'rule', id));
  }

  private async visible(caller: Caller, id: string): Promise<Rule> {
    return this.parts.transactions.see(caller, async (tx) => {
      const row = await findIn(tx, tx.owner, id);
      return row ?? find(tx, null, id);
    });
  }

  private async update(
    caller: Caller,
    id: string,
    action: 'update' | 'enable' | 'disable',
    change: (current: RuleInput) => RuleInput,
  ): Promise<RuleView> {
    const seen = await this.visible(caller, id);
    const { tenant_id: owner } = seen;
    const { enabled, ...wanted } = change(inputOf(seen));
    // To take a rule out of force must always be possible.
    if (enabled) await this.parts.programs.refuseRule(owner, checked({ ...wanted, enabled }));
    return this.change(caller, owner, async (tx, revision) => {
      const row = await find(tx, owner, id);
      const { tenant_id, ...input } = change(inputOf(row));
      if (tenant_id !== undefined && tenant_id !== owner) {
        throw invalid('tenant_id', 'cannot be changed; make a rule there and delete this one');
      }
      checked(input);
      if (input.name !== row.name) await refuseTakenName(tx, input.name);
      const columns = { ...input, description: input.description ?? null };
      const version = row.version + 1;
      await tx.manager.update(
        Rule,
        { id: row.id },
        { ...columns, version, revision, updated_at: new Date() },
      );
      return this.versioned(tx, caller, row.id, action, view(row));
    });
  }

  private async change<T>(
    caller: Caller,
    owner: Owner,
    work: (tx: ConfigurationTx, revision: string) => Promise<T>,
  ): Promise<T> {
    const done = await this.parts.transactions.run(caller, owner, async (tx) =>
      work(tx, await nextRevision(tx, 'rules')),
    );
    this.parts.onChange(owner);
    return done;
  }

  private async versioned(
    tx: ConfigurationTx,
    caller: Caller,
    id: RuleId,
    action: 'create' | 'update' | 'enable' | 'disable',
    before: RuleView | null,
  ): Promise<RuleView> {
    const row = await tx.manager.findOneByOrFail(Rule, { id });
    const after = view(row);
    const content = plain(inputOf(row));
    await keepVersion(tx, caller, { kind: 'rule', resourceId: id, version: row.version, content });
    await audit(tx.manager, {
      ...about(caller, 'rule', row.id, row.tenant_id),
      action,
      details: plain({ before, after }),
    });
    return after;
  }
}

/** By the parsers that evaluation uses: what is saved can be compiled. */
function checked(input: Omit<RuleInput, 'tenant_id'>): CompiledRule {
  const compiled = compileRule({ ...input, id: '', version: 1, tenant_id: null });
  if (!compiled.ok) throw new ApiError('VALIDATION_ERROR', 'the rule is not valid', compiled.issues);
  return compiled.rule;
}

const findIn = async ({ manager }: ConfigurationTx, owner: Owner, id: string): Promise<Rule | null> =>
  isUuid(id)
    ? manager.findOneBy(Rule, { id: id as RuleId, tenant_id: owner ?? IsNull(), deleted_at: IsNull() })
    : null;

async function find(tx: ConfigurationTx, owner: Owner, id: string): Promise<Rule> {
  const row = await findIn(tx, owner, id);
  if (row === null) throw notFound(`rule ${id.slice(0, 50)}`);
  return row;
}

async function refuseTakenName({ manager, owner }: ConfigurationTx, name: string): Promise<void> {
  const taken = await manager.existsBy(Rule, { name, tenant_id: owner ?? IsNull(), deleted_at: IsNull() });
  if (taken)
    throw conflict('name', `there is a rule ${name} already; choose another name, or change that rule`);
}

const inputOf = (row: Rule): RuleInput => ({
  name: row.name,
  description: row.description,
  rule_type: row.rule_type,
  conditions: row.conditions as JsonObject,
  actions: row.actions as JsonObject,
  priority: row.priority,
  enabled: row.enabled,
  tenant_id: row.tenant_id,
});

function view({ id, revision: _revision, deleted_at: _deleted, ...rest }: Rule): RuleView {
  return { rule_id: id, ...rest };
}
