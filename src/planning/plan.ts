import { createHash } from 'node:crypto';
import { type Protocol } from '../adapters/port';
import { type JsonObject } from '../kernel/json';
import {
  type AttemptId,
  type DeliveryId,
  type DestinationId,
  type JobId,
  newId,
  type TenantId,
} from '../kernel/ids';

export const PRIORITIES = ['critical', 'high', 'normal', 'low'] as const;
export type Priority = (typeof PRIORITIES)[number];

/** A destination that the submitter asked for, resolved: registered, inline, or registered with changes. */
export interface RequestedDestination {
  name: string;
  protocol: Protocol;
  /** The registered destination; null for one that lives in this job only. */
  destinationId: DestinationId | null;
  /** Inline fields, secrets sealed; null where the registered configuration holds as it is. */
  inline: JsonObject | null;
  transform: string | JsonObject | null;
  filters: JsonObject | null;
  /** Decided by precedence at acceptance; null = as the destination's own policy says at the time. */
  maxAttempts: number | null;
}

/** An accepted submission before its plan. */
export interface JobDraft {
  id: JobId;
  tenantId: TenantId;
  distributionId: string;
  dataType: string;
  priority: Priority;
  payload: JsonObject;
  metadata: JsonObject;
  destinations: RequestedDestination[];
}

/** What the rules decided about one job; each entry of `reasons` names the rule. */
export interface RuleDecision {
  dropped: string | undefined;
  priority: Priority;
  destinations: RequestedDestination[];
  reasons: string[];
}

/** The place where rules plug in: pure, no clock, no I/O. */
export type RuleEvaluator = (draft: JobDraft) => RuleDecision;

/** A tenant without rules: every destination that was asked for, and no other. */
export const withoutRules: RuleEvaluator = ({ priority, destinations }) => ({
  dropped: undefined,
  priority,
  destinations,
  reasons: [],
});

export interface PlannedDelivery extends RequestedDestination {
  deliveryId: DeliveryId;
  firstAttemptId: AttemptId;
  /** What shares a connection and a limit: the registered destination, or the inline one's name and address. */
  laneId: string;
}

/** `no_match`: nothing is left to deliver to; `filtered`: a rule dropped the job. Both complete at once. */
export interface Plan {
  outcome: 'deliver' | 'no_match' | 'filtered';
  priority: Priority;
  deliveries: PlannedDelivery[];
  reasons: string[];
}

/** A job and what the rules say of it -> what is to be delivered where, and why. */
export function planJob(draft: JobDraft, evaluate: RuleEvaluator): Plan {
  const decision = evaluate(draft);
  if (decision.dropped !== undefined) {
    return { outcome: 'filtered', priority: decision.priority, deliveries: [], reasons: decision.reasons };
  }
  return {
    outcome: decision.destinations.length > 0 ? 'deliver' : 'no_match',
    priority: decision.priority,
    deliveries: decision.destinations.map((destination) => planDelivery(draft.tenantId, destination)),
    reasons: decision.reasons,
  };
}

const planDelivery = (tenantId: TenantId, destination: RequestedDestination): PlannedDelivery => ({
  ...destination,
  deliveryId: newId<DeliveryId>(),
  firstAttemptId: newId<AttemptId>(),
  laneId: destination.destinationId ?? inlineLane(tenantId, destination),
});

function inlineLane(tenantId: TenantId, { name, protocol, inline }: RequestedDestination): string {
  const address = inline?.['endpoint'] ?? inline?.['host'] ?? inline?.['connection'] ?? null;
  const digest = createHash('md5')
    .update(JSON.stringify([tenantId, protocol, name, address]))
    .digest('hex');
  return digest.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
