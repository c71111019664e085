import { type Column, columns } from '../database/statement';
import { type SystemTransaction } from '../database/system-transaction';
import {
  type AttemptId,
  type DeliveryId,
  type DistributionId,
  type JobId,
  type NodeId,
  type TenantId,
} from '../kernel/ids';
import { type JsonObject } from '../kernel/json';
import { type StoredDestination } from '../planning/stored-destination';
import { type DestinationStatus } from '../tenants/entities';
import { type Offer } from './lanes';
import { CLAIM_DUE, DEAD_ROWS, EXTEND_LEASES, QUEUE_DEPTH, RELEASE_LEASES } from './claim.sql';

/** A delivery that this node holds until its lease ends, with all that is needed to send it. */
export type ClaimedDelivery = {
  delivery_id: DeliveryId;
  tenant_id: TenantId;
  distribution_job_id: JobId;
  attempt_id: AttemptId;
  attempt_number: number;
  /** Attempts made before the last replay; the policy's budget begins after them. */
  round_start: number;
  destination_name: string;
  lane_id: string;
  /** Grows with every claim; an outcome is recorded only under the current one. */
  fence: number;
  expired: boolean;
  cancelled: boolean;
  distribution_id: DistributionId;
  data_type: string;
  /** JSON text as stored. */
  payload: string;
  accepted_at: Date;
  max_retries: number;
  correlation_id: string;
  options: JsonObject;
  destination: StoredDestination;
  /** Null for an inline destination. */
  destination_version: number | null;
  destination_status: DestinationStatus | null;
  destination_deleted: boolean;
};

export interface QueueDepth {
  due: number;
  scheduled: number;
  /** Behind an earlier delivery of their ordering key. */
  waiting: number;
  in_flight: number;
  oldest_due_seconds: number;
}

const OFFER_COLUMNS: Column<Offer>[] = [
  ({ tenantId }) => tenantId,
  ({ laneId }) => laneId,
  ({ quota }) => quota,
];

/** The queue as one node sees it: across tenants, which is why it goes through the system's door. */
export class Claims {
  private counting: Promise<QueueDepth> | undefined;

  constructor(
    private readonly system: Pick<SystemTransaction, 'query'>,
    private readonly node: NodeId,
    readonly leaseSeconds: number,
  ) {}

  /** What is due in the lanes that are offered, at most the quota of each. */
  due(offers: readonly Offer[]): Promise<ClaimedDelivery[]> {
    const values = [this.node, ...columns(offers, OFFER_COLUMNS), this.leaseSeconds];
    return this.system.query<ClaimedDelivery>(CLAIM_DUE, values);
  }

  async extend(deliveries: readonly DeliveryId[]): Promise<void> {
    if (deliveries.length === 0) return;
    await this.system.query(EXTEND_LEASES, [this.node, this.leaseSeconds, deliveries]);
  }

  async release(deliveries: readonly DeliveryId[]): Promise<void> {
    if (deliveries.length === 0) return;
    await this.system.query(RELEASE_LEASES, [this.node, deliveries]);
  }

  /** Counted once for all who ask in the same moment, as the metrics of one scrape do. */
  depth(): Promise<QueueDepth> {
    this.counting ??= this.count().finally(() => (this.counting = undefined));
    return this.counting;
  }

  private async count(): Promise<QueueDepth> {
    const [depth] = await this.system.query<QueueDepth>(QUEUE_DEPTH, []);
    return depth ?? { due: 0, scheduled: 0, waiting: 0, in_flight: 0, oldest_due_seconds: 0 };
  }

  /** Of the queue's table: what vacuum has still to take away. */
  async deadRows(): Promise<number> {
    const [row] = await this.system.query<{ dead: number }>(DEAD_ROWS, []);
    return row?.dead ?? 0;
  }
}
