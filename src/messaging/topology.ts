import { type Channel } from 'amqplib';

/** Names of the contract (docs/intake.md, docs/asyncapi.yaml). */
export const EXCHANGE_IN = 'zenia.distribution.in';
export const QUEUE_SUBMIT = 'zenia.distribution.submit';
/** Exchange and queue alike: what could not become a job. */
export const DEAD = 'zenia.distribution.dead';

/** Outcome events (docs/events.md). */
export const EXCHANGE_EVENTS = 'zenia.distribution.events';

/** A message that comes back so often without an answer takes its process down with it, or nearly so. */
const DELIVERY_LIMIT = 20;

/** Of the intake. Everything is durable. */
export async function declareIntake(channel: Channel): Promise<void> {
  await channel.assertExchange(DEAD, 'fanout', { durable: true });
  await channel.assertQueue(DEAD, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  await channel.bindQueue(DEAD, DEAD, '');
  await channel.assertExchange(EXCHANGE_IN, 'topic', { durable: true });
  await channel.assertQueue(QUEUE_SUBMIT, {
    durable: true,
    arguments: {
      'x-queue-type': 'quorum',
      'x-delivery-limit': DELIVERY_LIMIT,
      'x-dead-letter-exchange': DEAD,
      // A message leaves the queue only when the dead queue has it.
      'x-dead-letter-strategy': 'at-least-once',
      'x-overflow': 'reject-publish',
    },
  });
  await channel.bindQueue(QUEUE_SUBMIT, EXCHANGE_IN, 'submit.*');
}

/** Who listens declares a queue of its own. */
export async function declareEvents(channel: Channel): Promise<void> {
  await channel.assertExchange(EXCHANGE_EVENTS, 'topic', { durable: true });
}
