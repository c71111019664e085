import { type Provider } from '@nestjs/common';
import { messageReader } from '../callbacks/body';
import { CallbackClaims, type ClaimedEvent, type ClaimedWebhook } from '../callbacks/claim';
import { CallbackDispatcher } from '../callbacks/dispatcher';
import { callbackRecorder } from '../callbacks/record';
import { Webhooks } from '../callbacks/webhooks';
import { SystemTransaction } from '../database/system-transaction';
import { type CallbackId, type NodeId } from '../kernel/ids';
import { EventPublisher } from '../messaging/events';
import { type Logger } from '../observability/logger';
import { made } from './made';
import { Outward } from './outward';

/** Without a confirm, at most. */
const MOST_EVENTS = 256;
const MOST_WEBHOOKS = 64;

/** Callbacks to addresses, and outcome events to the broker, where this process is connected to it. */
export class Telling {
  constructor(
    private readonly claims: CallbackClaims,
    private readonly webhooks: CallbackDispatcher<ClaimedWebhook>,
    private readonly events: CallbackDispatcher<ClaimedEvent>,
  ) {}

  pending(): Promise<Record<string, number>> {
    return this.claims.pending();
  }

  start(): void {
    this.webhooks.start();
    this.events.start();
  }

  async stop(graceMs: number): Promise<void> {
    await Promise.all([this.webhooks.stop(graceMs), this.events.stop(graceMs)]);
  }
}

export const tellingProviders = ({ node, log }: { node: NodeId; log: Logger }): Provider[] => [
  made(EventPublisher, [], () => new EventPublisher()),
  made(Telling, [SystemTransaction, Outward, EventPublisher], (system, outward, publisher) => {
    const claims = new CallbackClaims(system, node);
    const shared = {
      messages: messageReader(outward.tenants),
      recorder: callbackRecorder(outward.tenants),
      release: (callbacks: CallbackId[]) => claims.release(callbacks),
      onFault: (error: unknown) => log.error({ err: error }, 'callback fault'),
    };
    const webhooks = new Webhooks(outward);
    return new Telling(
      claims,
      new CallbackDispatcher({
        ...shared,
        claim: (most) => claims.dueWebhooks(most),
        mostAtOnce: MOST_WEBHOOKS,
        send: (claimed, message, signal) => webhooks.send(claimed, message, signal),
      }),
      new CallbackDispatcher({
        ...shared,
        // While there is no connection they wait, without attempts.
        claim: async (most) => (publisher.connected ? claims.dueEvents(most) : []),
        mostAtOnce: MOST_EVENTS,
        send: (claimed, message) => publisher.publish(claimed, message),
      }),
    );
  }),
];
