import { type ConfirmChannel, type ConsumeMessage, type Options } from 'amqplib';
import { type ApiError, errorEnvelope } from '../kernel/errors';
import { DEAD } from './topology';

/** They do not outlive their message. */
const CREDENTIALS = new Set(['x-api-key', 'authorization']);
/** They would take the dead letter to other queues too. */
const ROUTES = new Set(['CC', 'BCC']);
/** Not user_id, which the broker holds against who publishes, nor an expiration, by which it would be gone. */
const KEPT = new Set([
  'contentType',
  'contentEncoding',
  'correlationId',
  'replyTo',
  'messageId',
  'timestamp',
  'type',
  'appId',
  'priority',
]);
const LONGEST_REASON = 1000;
/** Answers to our own names would come back as messages. */
const OUR_NAMES = 'zenia.distribution.';

/**
 * To `reply_to`, where the sender asked for it: no confirm is waited for. Who misses an answer sends the same message
 * again and has it then.
 */
export function reply(publisher: ConfirmChannel, { properties }: ConsumeMessage, answer: object): void {
  const replyTo: unknown = properties.replyTo;
  if (typeof replyTo !== 'string' || replyTo === '' || replyTo.startsWith(OUR_NAMES)) return;
  const correlationId: unknown = properties.correlationId;
  publisher.publish('', replyTo, Buffer.from(JSON.stringify(answer)), {
    contentType: 'application/json',
    ...(typeof correlationId === 'string' ? { correlationId } : {}),
  });
}

/**
 * The message as it was, with the reason, to the dead queue; resolves when the broker has it there.
 * @throws Error where the broker does not take it.
 */
export async function bury(
  publisher: ConfirmChannel,
  message: ConsumeMessage,
  error: ApiError,
  requestId: string,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    publisher.publish(
      DEAD,
      message.fields.routingKey,
      message.content,
      remains(message, error, requestId),
      (fault) => {
        if (fault === null) resolve();
        else reject(fault instanceof Error ? fault : new Error('the broker did not take a dead message'));
      },
    );
  });
  reply(publisher, message, errorEnvelope(error, requestId));
}

function remains({ properties }: ConsumeMessage, error: ApiError, requestId: string): Options.Publish {
  const given: Record<string, unknown> = { ...properties };
  const kept = Object.entries(given).filter(([name, value]) => KEPT.has(name) && value !== undefined);
  const headers: [string, unknown][] = Object.entries(properties.headers ?? {});
  const details = error.details.map(({ field, issue }) => `${field}: ${issue}`).join('; ');
  return {
    ...Object.fromEntries(kept),
    persistent: true,
    headers: {
      ...Object.fromEntries(headers.filter(([name]) => !CREDENTIALS.has(name) && !ROUTES.has(name))),
      ...(given['userId'] === undefined ? {} : { 'x-user-id': given['userId'] }),
      'x-error-code': error.code,
      'x-error': (details === '' ? error.message : details).slice(0, LONGEST_REASON),
      'x-request-id': requestId,
    },
  };
}
