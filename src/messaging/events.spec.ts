import { type ConfirmChannel } from 'amqplib';
import { type CallbackMessage } from '../callbacks/body';
import { type ClaimedEvent } from '../callbacks/claim';
import { type CallbackId, type TenantId } from '../kernel/ids';
import { type BrokerSession } from './broker';
import { EventPublisher } from './events';

const event: ClaimedEvent = {
  id: 'event' as CallbackId,
  tenant_id: 'roma' as TenantId,
  distribution_job_id: null,
  batch_id: null,
  attempt_id: null,
  event_type: 'distribution.completed',
  channel: 'events',
  callback_url: null,
  attempts: 0,
  round_start: 0,
  fence: 1,
  created_at: new Date(0),
};
const message: CallbackMessage = {
  subject: { distributionId: 'report-1', dataType: 'report', correlationId: 'asked' },
  headers: {},
  body: { event_type: 'distribution.completed' },
};

/** A session whose broker does with what is published what the test says. */
function sessionWith(publish: ConfirmChannel['publish']): BrokerSession {
  const over = new AbortController();
  return {
    channel: () => Promise.reject(new Error('no other channel is needed')),
    publisher: { publish } as ConfirmChannel,
    over: over.signal,
    end: (reason) => over.abort(reason),
  };
}

const silent = sessionWith.bind(undefined, () => true);

describe('an event that is published', () => {
  it('waits while there is no connection', async () => {
    const publisher = new EventPublisher();
    expect(publisher.connected).toBe(false);
    expect(await publisher.publish(event, message)).toMatchObject({ kind: 'retry' });
  });

  it('is delivered when the broker has confirmed it, and repeated when it has refused it', async () => {
    const publisher = new EventPublisher();
    await publisher.serve(
      sessionWith((_exchange, _key, _content, _options, confirm) => {
        setImmediate(() => confirm?.(null, {}));
        return true;
      }),
    );
    expect(await publisher.publish(event, message)).toMatchObject({ kind: 'delivered' });
    await publisher.serve(
      sessionWith((_exchange, _key, _content, _options, confirm) => {
        setImmediate(() => confirm?.(new Error('nack'), {}));
        return false;
      }),
    );
    expect(await publisher.publish(event, message)).toMatchObject({ code: 'RECEIVER_UNAVAILABLE' });
  });

  it('is repeated where the connection ends first, or had ended unnoticed', async () => {
    const publisher = new EventPublisher();
    const session = silent();
    await publisher.serve(session);
    const outcomes = [publisher.publish(event, message), publisher.publish(event, message)];
    session.end(new Error('gone'));
    const lost = { kind: 'retry', code: 'CONNECTION_FAILED' };
    expect(await Promise.all(outcomes)).toMatchObject([lost, lost]);
    expect(publisher.connected).toBe(false);
    await publisher.serve(
      sessionWith(() => {
        throw new Error('Channel closed');
      }),
    );
    expect(await publisher.publish(event, message)).toMatchObject(lost);
  });

  it('is repeated over another connection where the broker confirms nothing', async () => {
    jest.useFakeTimers();
    try {
      const publisher = new EventPublisher();
      const session = silent();
      await publisher.serve(session);
      const outcome = publisher.publish(event, message);
      jest.advanceTimersByTime(29_000);
      expect(session.over.aborted).toBe(false);
      jest.advanceTimersByTime(2_000);
      expect(session.over.aborted).toBe(true);
      expect(await outcome).toMatchObject({ code: 'CONNECTION_FAILED' });
    } finally {
      jest.useRealTimers();
    }
  });
});
