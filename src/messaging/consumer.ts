import { setTimeout as pause } from 'node:timers/promises';
import { type TenantId } from '../kernel/ids';
import { type AcceptanceParts, MessageAcceptance } from './acceptance';
import { type BrokerSession } from './broker';
import { tenantOf } from './reading';
import { TenantLine } from './tenant-line';
import { Windows } from './windows';

export interface ConsumerParts extends AcceptanceParts {
  /** Messages without acknowledgement, at most, while no tenant is over its limit. */
  prefetch: number;
  /** Messages beside them that may be held for tenants that are over their limit. */
  mostHeld: number;
  onDelay: (error: unknown) => void;
}

/** Takes submissions from the queue, in whatever session there is. */
export class SubmissionConsumer {
  private readonly stopping = new AbortController();
  private windows: Windows | undefined;
  private lines = new Map<TenantId | undefined, TenantLine>();
  private slowed = new Set<TenantId>();

  constructor(private readonly parts: ConsumerParts) {}

  /** Messages that wait for their tenant's limit. */
  get held(): number {
    return [...this.slowed].reduce((sum, tenantId) => sum + (this.lines.get(tenantId)?.length ?? 0), 0);
  }

  async serve(session: BrokerSession): Promise<void> {
    const { prefetch, mostHeld, onDelay } = this.parts;
    const halt = AbortSignal.any([session.over, this.stopping.signal]);
    const lines = new Map<TenantId | undefined, TenantLine>();
    const slowed = new Set<TenantId>();
    const acceptance = new MessageAcceptance(this.parts, {
      publisher: session.publisher,
      halt,
      slowed: (tenantId, isSlowed) => {
        if (isSlowed) slowed.add(tenantId);
        else slowed.delete(tenantId);
        windows.fit(this.held);
      },
    });
    const lineOf = (tenantId: TenantId | undefined): TenantLine => {
      const line =
        lines.get(tenantId) ??
        new TenantLine(tenantId, {
          read: (batch) => acceptance.read(batch),
          // Of a line without a tenant nothing can be read.
          store: async (batch) => (tenantId === undefined ? undefined : acceptance.store(tenantId, batch)),
          onFault: onDelay,
          onEmpty: () => {
            lines.delete(tenantId);
            if (tenantId !== undefined) slowed.delete(tenantId);
          },
          halt,
        });
      lines.set(tenantId, line);
      return line;
    };
    const windows = new Windows({
      session,
      prefetch,
      mostHeld,
      deliver: (incoming) => {
        lineOf(tenantOf(incoming.message)).add(incoming);
        if (slowed.size > 0) windows.fit(this.held);
      },
    });
    [this.lines, this.slowed, this.windows] = [lines, slowed, windows];
    await windows.open();
  }

  /** Takes nothing more; what is being committed is still acknowledged. Idempotent. */
  async stop(graceMs: number): Promise<void> {
    await this.windows?.close().catch(() => undefined);
    this.stopping.abort();
    const ended = Promise.all([...this.lines.values()].map((line) => line.end()));
    await Promise.race([ended, pause(graceMs, undefined, { ref: false })]);
  }
}
