import { createHmac, timingSafeEqual } from 'node:crypto';
import { type IncomingHttpHeaders } from 'node:http';
import { Webhook } from 'standardwebhooks';

/**
 * What a receiver does to know that a delivery is genuine: the Standard Webhooks library for the first signature,
 * three lines of its own for the second. Returns why not; undefined = genuine.
 */
export function whyForged(secret: string, headers: IncomingHttpHeaders, body: Buffer): string | undefined {
  try {
    new Webhook(secret).verify(body, {
      'webhook-id': text(headers['webhook-id']),
      'webhook-timestamp': text(headers['webhook-timestamp']),
      'webhook-signature': text(headers['webhook-signature']),
    });
  } catch (error) {
    return `webhook-signature: ${(error as Error).message}`;
  }
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const expected = Buffer.from(`sha256=${createHmac('sha256', key).update(body).digest('hex')}`);
  const given = Buffer.from(text(headers['x-zenia-signature']));
  const genuine = given.length === expected.length && timingSafeEqual(given, expected);
  return genuine ? undefined : 'x-zenia-signature does not match the body';
}

const text = (header: string | string[] | undefined): string => (typeof header === 'string' ? header : '');
