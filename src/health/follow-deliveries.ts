import { type TenantTransaction } from '../database/tenant-transaction';
import { type DestinationId, type TenantId } from '../kernel/ids';
import { afterDelivery, NEW_RUN, type Run, type Sign } from './decide';
import { recordDeliveries } from './record';

/** One delivery to a registered destination, as far as health is concerned. */
export interface DeliveryEnd {
  tenantId: TenantId;
  destinationId: DestinationId;
  sign: Sign;
  latencyMs: number;
  code: string | null;
  message: string;
}

export interface FollowParts {
  tenants: TenantTransaction;
  now: () => number;
  /** The row says something else now. */
  onChange: (end: DeliveryEnd, status: 'healthy' | 'unhealthy') => void;
  onFault: (error: unknown) => void;
}

/** Above this many destinations the one that was new first is forgotten; it costs one more look-up. */
const MOST_KNOWN = 20_000;

/** Lets `health_status` follow real deliveries. A delivery that says nothing new costs a look into a map. */
export class DeliveryHealth {
  private readonly runs = new Map<DestinationId, Run>();

  constructor(private readonly parts: FollowParts) {}

  note(end: DeliveryEnd): void {
    const before = this.runs.get(end.destinationId) ?? NEW_RUN;
    const { run, write } = afterDelivery(before, end.sign, this.parts.now());
    this.runs.set(end.destinationId, run);
    if (this.runs.size > MOST_KNOWN) this.forgetOldest();
    if (write !== undefined) this.write(end, write).catch(this.parts.onFault);
  }

  private async write(end: DeliveryEnd, status: 'healthy' | 'unhealthy'): Promise<void> {
    const changed = await this.parts.tenants.run(end.tenantId, (tx) =>
      recordDeliveries(tx, end.destinationId, { ...end, status }),
    );
    if (changed) this.parts.onChange(end, status);
  }

  private forgetOldest(): void {
    for (const id of this.runs.keys()) {
      this.runs.delete(id);
      return;
    }
  }
}
