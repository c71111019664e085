import { setImmediate as otherWork } from 'node:timers/promises';
import { type TenantTransaction } from '../database/tenant-transaction';
import { type Issue } from '../kernel/errors';
import { type TenantId } from '../kernel/ids';
import { compileRule, type RuleDefinition, RuleSet } from '../rules/rule-set';
import { type ConfigurationRevisions } from './configuration-revisions';
import { type Owner } from './configuration-transaction';

/** The rules in force for a tenant: the platform's and its own; undefined where there never was one. */
export interface TenantRules {
  global: RuleSet | undefined;
  own: RuleSet | undefined;
}

const NO_RULES: TenantRules = { global: undefined, own: undefined };

/** Names the rules as they are at this moment: `<platform's revision>.<tenant's revision>`. */
export const rulesVersion = ({ global, own }: TenantRules): string =>
  `${global?.revision ?? 0}.${own?.revision ?? 0}`;

type RuleRow = RuleDefinition & { revision: number; deleted: boolean };

const COLUMNS = `id, name, rule_type, conditions, actions, priority, enabled, version, tenant_id,
  revision::float8 AS revision, deleted_at IS NOT NULL AS deleted`;

const OF_TENANT = {
  name: 'rules_of_tenant_since',
  text: `SELECT ${COLUMNS} FROM distribution_rules
         WHERE tenant_id = $1 AND revision > $2 AND ($2 > 0 OR deleted_at IS NULL) ORDER BY revision`,
};
const OF_PLATFORM = {
  name: 'rules_of_platform_since',
  text: `SELECT ${COLUMNS} FROM distribution_rules
         WHERE tenant_id IS NULL AND revision > $1 AND ($1 > 0 OR deleted_at IS NULL) ORDER BY revision`,
};

interface Kept {
  set: RuleSet;
  loading: Promise<void> | undefined;
}

export interface RuleBookParts {
  tenants: TenantTransaction;
  revisions: ConfigurationRevisions;
  /** A stored rule that cannot be compiled; it is left out. */
  onFault: (ruleId: string, issues: Issue[]) => void;
}

/** Tenants whose rules stay compiled; the one that was not asked for longest makes room. */
const MOST_KEPT = 1000;
/** Changes that are put into a set in use at once; more make a new one, beside it. */
const MOST_AT_ONCE = 500;

/** Compiled rules by owner, brought up to date change by change; never asked for by a job of a tenant without rules. */
export class RuleBook {
  private readonly kept = new Map<Owner, Kept>();

  constructor(private readonly parts: RuleBookParts) {}

  async of(tenantId: TenantId): Promise<TenantRules> {
    const { rules, globalRules } = await this.parts.revisions.current(tenantId);
    if (rules === undefined && globalRules === undefined) return NO_RULES;
    return {
      global: globalRules === undefined ? undefined : await this.upToDate(null, globalRules, tenantId),
      own: rules === undefined ? undefined : await this.upToDate(tenantId, rules, tenantId),
    };
  }

  private async upToDate(owner: Owner, revision: number, asking: TenantId): Promise<RuleSet> {
    const kept = this.keptOf(owner);
    while (kept.set.revision < revision) {
      kept.loading ??= this.load(kept, owner, revision, asking).finally(() => (kept.loading = undefined));
      await kept.loading;
    }
    return kept.set;
  }

  private keptOf(owner: Owner): Kept {
    const kept = this.kept.get(owner) ?? { set: new RuleSet(), loading: undefined };
    // Last in the map's order: the latest asked for.
    this.kept.delete(owner);
    this.kept.set(owner, kept);
    if (this.kept.size > MOST_KEPT) {
      const oldest = [...this.kept.keys()].find((one) => one !== null);
      if (oldest !== undefined) this.kept.delete(oldest);
    }
    return kept;
  }

  /** The platform's rules are read in the asking tenant's session: every tenant may see them. */
  private async load(kept: Kept, owner: Owner, revision: number, asking: TenantId): Promise<void> {
    const since = (after: number): Promise<RuleRow[]> =>
      this.parts.tenants.run(asking, (tx) =>
        owner === null
          ? tx.query<RuleRow>(OF_PLATFORM, [after])
          : tx.query<RuleRow>(OF_TENANT, [owner, after]),
      );
    const known = kept.set.revision;
    const rows = await since(known);
    if (known > 0 && rows.length <= MOST_AT_ONCE) {
      for (const row of rows) this.put(kept.set, row);
      kept.set.revision = Math.max(revision, latestOf(rows));
      return;
    }
    const all = known === 0 ? rows : await since(0);
    const set = await this.filled(all);
    set.revision = Math.max(revision, latestOf(rows), latestOf(all));
    kept.set = set;
  }

  /** Compiling many takes seconds; others get their turn in between. */
  private async filled(rows: readonly RuleRow[]): Promise<RuleSet> {
    const set = new RuleSet();
    for (const [position, row] of rows.entries()) {
      if (position % 200 === 199) await otherWork();
      this.put(set, row);
    }
    return set;
  }

  private put(set: RuleSet, row: RuleRow): void {
    const compiled = row.deleted ? undefined : compileRule(row);
    if (compiled?.ok === true) {
      set.put(compiled.rule);
      return;
    }
    set.remove(row.id);
    if (compiled !== undefined) this.parts.onFault(row.id, compiled.issues);
  }
}

const latestOf = (rows: readonly RuleRow[]): number => rows.at(-1)?.revision ?? 0;
