import { type JsonObject } from '../kernel/json';
import { type Priority } from '../kernel/priority';
import { type RuleType } from './actions';

/**
 * `failed`     the rule's $expr failed or gave no boolean: the rule did not apply
 * `no_effect`  the rule matched, but another one had decided before, or nothing was left for it to do
 */
export type Effect =
  | 'dropped'
  | 'excluded'
  | 'prioritized'
  | 'added'
  | 'fallback'
  | 'skipped'
  | 'removed'
  | 'stopped'
  | 'transformed'
  | 'failed'
  | 'no_effect';

/** Why an element of a plan is what it is; stored with the job as it stands. */
export type Reason = {
  rule_id: string;
  rule: string;
  rule_type: RuleType;
  /** Of the rule. */
  version: number;
  effect: Effect;
  destination?: string;
  message: string;
};

/** A registered destination as rules see it. */
export interface Candidate {
  name: string;
  tags: readonly string[];
  status: 'active' | 'inactive' | 'maintenance' | 'deprecated';
  health_status: 'healthy' | 'unhealthy' | 'unknown';
}

export interface DecisionInput {
  priority: Priority;
  /** Names that the submitter asked for, in this order. */
  requested: readonly string[];
  /** The tenant's registered destinations by name. */
  registered: ReadonlyMap<string, Candidate>;
}

export interface DecidedDestination {
  name: string;
  /** A rule's choice; undefined where no rule chose one. */
  transform: string | JsonObject | undefined;
  /** The rules behind it; empty where the submitter asked for it and no rule touched it. */
  because: Reason[];
}

export interface Decision {
  /** Why the job is dropped. */
  dropped: string | undefined;
  priority: Priority;
  destinations: DecidedDestination[];
  /** In the order in which it was decided. */
  reasons: Reason[];
}
