import { createHmac, timingSafeEqual } from 'node:crypto';
import { SignatureError } from './errors.js';
import { type BatchCallback, type JobCallback } from './types.js';

export type Callback = JobCallback | BatchCallback;

/** As a server has them: `request.headers` of Node, or the `Headers` of fetch. */
export type ReceivedHeaders =
  { get(name: string): string | null } | Readonly<Record<string, string | readonly string[] | undefined>>;

export interface VerifyOptions {
  /** How far the clocks may differ, and how long a copy of a request stays good; 300 where it is not said. */
  toleranceSeconds?: number | undefined;
  now?: Date | undefined;
}

export interface Verified {
  /** `webhook-id`: the same when the service sends this again. */
  id: string;
  timestamp: Date;
}

const TOLERANCE_SECONDS = 300;

/**
 * Whether a delivery or callback comes from the service (https://www.standardwebhooks.com), by any of the secrets:
 * while a secret is rotated, the old and the new one. `body` is what came over the wire, before it is parsed.
 * @throws SignatureError
 */
export function verifySignature(
  headers: ReceivedHeaders,
  body: string | Uint8Array,
  secrets: string | readonly string[],
  { toleranceSeconds = TOLERANCE_SECONDS, now = new Date() }: VerifyOptions = {},
): Verified {
  const keys = (typeof secrets === 'string' ? [secrets] : secrets).map(keyOf);
  const id = required(headers, 'webhook-id');
  const timestamp = required(headers, 'webhook-timestamp');
  const given = signaturesIn(required(headers, 'webhook-signature'));
  const expected = keys.map((key) => signature(key, `${id}.${timestamp}.`, body));
  // All are compared with all, so that the time tells nothing about which was nearly right.
  const matches = expected.flatMap((one) => given.filter((other) => isSame(one, other)));
  if (matches.length === 0) {
    throw new SignatureError('signature_mismatch', 'webhook-signature is by none of the secrets');
  }
  assertFresh(timestamp, toleranceSeconds, now);
  return { id, timestamp: new Date(Number(timestamp) * 1000) };
}

/**
 * The callback, once it is known to come from the service.
 * @throws SignatureError
 */
export function verifyCallback(
  headers: ReceivedHeaders,
  body: string | Uint8Array,
  secrets: string | readonly string[],
  options: VerifyOptions = {},
): Callback {
  verifySignature(headers, body, secrets, options);
  return JSON.parse(typeof body === 'string' ? body : new TextDecoder().decode(body)) as Callback;
}

function keyOf(secret: string): Buffer {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  // Everybody can sign with nothing.
  if (key.length === 0) throw new TypeError('a secret is empty; it looks like whsec_…');
  return key;
}

const signature = (key: Buffer, head: string, body: string | Uint8Array): Buffer =>
  createHmac('sha256', key).update(head).update(body).digest();

/** `v1,<base64>`, separated by spaces; other versions are for other readers. */
const signaturesIn = (header: string): Buffer[] =>
  header
    .split(' ')
    .filter((part) => part.startsWith('v1,'))
    .map((part) => Buffer.from(part.slice('v1,'.length), 'base64'));

const isSame = (one: Buffer, other: Buffer): boolean =>
  one.length === other.length && timingSafeEqual(one, other);

function assertFresh(timestamp: string, toleranceSeconds: number, now: Date): void {
  if (!/^\d{1,12}$/.test(timestamp)) {
    throw new SignatureError('timestamp_invalid', 'webhook-timestamp is not a number of seconds');
  }
  const age = now.getTime() / 1000 - Number(timestamp);
  if (age > toleranceSeconds) {
    throw new SignatureError('timestamp_too_old', `webhook-timestamp is ${Math.round(age)} s old`);
  }
  if (-age > toleranceSeconds) {
    throw new SignatureError('timestamp_too_new', `webhook-timestamp is ${Math.round(-age)} s ahead`);
  }
}

function required(headers: ReceivedHeaders, name: string): string {
  const value = valueOf(headers, name);
  if (value === undefined || value === '') throw new SignatureError('header_missing', `${name} is missing`);
  return value;
}

function valueOf(headers: ReceivedHeaders, name: string): string | undefined {
  if (typeof headers.get === 'function') return headers.get(name) ?? undefined;
  const entries = Object.entries(headers as Record<string, string | readonly string[] | undefined>);
  const value = entries.find(([key]) => key.toLowerCase() === name)?.[1];
  return typeof value === 'string' ? value : value?.[0];
}
