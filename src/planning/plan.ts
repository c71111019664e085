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
import { type Priority } from '../kernel/priority';
import { type Reason } from '../rules/decision';

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
  /** Where it comes from: `metadata.source`, or else the key that submitted it. */
  source: string;
  payload: JsonObject;
  metadata: JsonObject;
  destinations: RequestedDestination[];
}

/** What the rules decided about one job; each entry of `reasons` names the rule. */
export interface RuleDecision {
  dropped: string | undefined;
  priority: Priority;
  destinations: RequestedDestination[];
  reasons: Reason[];
  /** Of the rules that were asked (tenants/rule-book.ts); null where there are none. */
  rulesVersion: string | null;
}

/** A tenant without rules: every destination that was asked for, and no other. */
export const withoutRules = ({ priority, destinations }: JobDraft): RuleDecision => ({
  dropped: undefined,
  priority,
  destinations,
  reasons: [],
  rulesVersion: null,
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
  reasons: Reason[];
  rulesVersion: string | null;
}

/** A job and what the rules say of it -> what is to be delivered where, and why. */
export function planJob({ tenantId }: JobDraft, decision: RuleDecision): Plan {
  const { dropped, priority, reasons, rulesVersion } = decision;
  const destinations = dropped === undefined ? decision.destinations : [];
  return {
    outcome: dropped !== undefined ? 'filtered' : destinations.length > 0 ? 'deliver' : 'no_match',
    priority,
    deliveries: destinations.map((destination) => planDelivery(tenantId, destination)),
    reasons,
    rulesVersion,
  };
}

/** Field by field, for the sake of speed (intake/prepare.ts). */
const planDelivery = (tenantId: TenantId, destination: RequestedDestination): PlannedDelivery => ({
  name: destination.name,
  protocol: destination.protocol,
  destinationId: destination.destinationId,
  inline: destination.inline,
  transform: destination.transform,
  filters: destination.filters,
  maxAttempts: destination.maxAttempts,
  deliveryId: newId<DeliveryId>(),
  firstAttemptId: newId<AttemptId>(),
  laneId: laneOf(tenantId, destination),
});

type Addressed = Pick<RequestedDestination, 'name' | 'destinationId' | 'inline'> & { protocol: string };

/** The same for a delivery whenever it is planned, at acceptance or for a replay. */
export const laneOf = (tenantId: TenantId, destination: Addressed): string =>
  destination.destinationId ?? inlineLane(tenantId, destination);

function inlineLane(tenantId: TenantId, { name, protocol, inline }: Addressed): string {
  const address = inline?.['endpoint'] ?? inline?.['host'] ?? inline?.['connection'] ?? null;
  const digest = createHash('md5')
    .update(JSON.stringify([tenantId, protocol, name, address]))
    .digest('hex');
  return digest.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
