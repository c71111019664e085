import { type Options } from 'amqplib';
import { type Outcome } from '../adapters/port';
import { type CallbackMessage } from '../callbacks/body';
import { type ClaimedEvent } from '../callbacks/claim';
import { type BrokerSession } from './broker';
import { EXCHANGE_EVENTS } from './topology';

/** Shorter than the lease of a callback, so that nobody else publishes it meanwhile. */
const CONFIRM_MS = 30_000;

/** Publishes outcome events, in whatever session there is; the broker's confirm is what counts. */
export class EventPublisher {
  private session: BrokerSession | undefined;
  private readonly unconfirmed = new Set<(outcome: Outcome) => void>();

  get connected(): boolean {
    return this.session !== undefined;
  }

  async serve(session: BrokerSession): Promise<void> {
    this.session = session;
    session.over.addEventListener('abort', () => this.lose(), { once: true });
  }

  /** Resolves when the broker has it, or will not have it in this session. */
  publish(event: ClaimedEvent, message: CallbackMessage): Promise<Outcome> {
    const { session } = this;
    if (session === undefined) return Promise.resolve(NOT_CONNECTED);
    const content = Buffer.from(JSON.stringify(message.body));
    return new Promise((resolve) => {
      // A broker that confirms nothing may be full: what is in this connection's buffer goes with it.
      const patience = setTimeout(() => session.end(new Error('the broker confirms nothing')), CONFIRM_MS);
      const settle = (outcome: Outcome): void => {
        clearTimeout(patience);
        this.unconfirmed.delete(settle);
        resolve(outcome);
      };
      this.unconfirmed.add(settle);
      const key = `${event.event_type}.${event.tenant_id}`;
      try {
        session.publisher.publish(EXCHANGE_EVENTS, key, content, propertiesOf(event, message), (fault) =>
          settle(fault === null ? { kind: 'delivered', ...FACTS, bytesSent: content.length } : NOT_TAKEN),
        );
      } catch {
        // The channel has ended, and the session is about to know it.
        settle(NOT_CONNECTED);
      }
    });
  }

  private lose(): void {
    this.session = undefined;
    for (const settle of this.unconfirmed) settle(NOT_CONNECTED);
  }
}

/** A CloudEvents 1.0 event in binary mode (AMQP binding): the attributes beside the body, which is the callback's. */
function propertiesOf(event: ClaimedEvent, { subject }: CallbackMessage): Options.Publish {
  return {
    persistent: true,
    mandatory: false,
    contentType: 'application/json',
    messageId: event.id,
    type: event.event_type,
    timestamp: Math.floor(event.created_at.getTime() / 1000),
    correlationId: subject.correlationId,
    appId: 'distributor',
    headers: {
      cloudEvents_specversion: '1.0',
      cloudEvents_id: event.id,
      cloudEvents_source: `/tenants/${event.tenant_id}`,
      cloudEvents_type: event.event_type,
      cloudEvents_subject: subject.distributionId,
      cloudEvents_time: event.created_at.toISOString(),
    },
  };
}

const FACTS = { response: undefined, bytesSent: 0, log: [] };

const NOT_CONNECTED: Outcome = {
  kind: 'retry',
  code: 'CONNECTION_FAILED',
  message: 'the connection to the broker ended before it had confirmed the event',
  retryAfterSeconds: undefined,
  ...FACTS,
};

const NOT_TAKEN: Outcome = {
  kind: 'retry',
  code: 'RECEIVER_UNAVAILABLE',
  message: 'the broker did not take the event, e.g. because a queue that is bound to the exchange is full',
  retryAfterSeconds: undefined,
  ...FACTS,
};
