import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';

const PREFIX = 'whsec_';

/** At most this many secrets sign at once: the current one, and the one before it during rotation. */
const MAX_SIGNATURES = 2;

/** A secret that has just been made: `whsec_` and the base64 of 32 random bytes. */
export const newSigningSecret = (): string => PREFIX + randomBytes(32).toString('base64');

const decode = (secret: string): Buffer =>
  Buffer.from(secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret, 'base64');

/** Making the key costs more than hashing a short body; tenants are few against deliveries. */
const decoded = new Map<string, KeyObject>();
const DECODED_LIMIT = 2000;

function keyOf(secret: string): KeyObject {
  const known = decoded.get(secret);
  if (known !== undefined) return known;
  const bytes = decode(secret);
  if (bytes.length === 0) throw new Error('A signing secret is empty: rotate it');
  const key = createSecretKey(bytes);
  if (decoded.size >= DECODED_LIMIT) decoded.clear();
  decoded.set(secret, key);
  return key;
}

export interface Signatures {
  /** `webhook-signature`: `v1,<base64>`, one for each secret, separated by a space. */
  webhook: string;
  /** `x-zenia-signature`: `sha256=<hex>` of the body alone, with the current secret. */
  zenia: string;
}

/**
 * Signs what goes over the wire (after compression) by Standard Webhooks: HMAC-SHA256 over
 * `id.timestamp.body`, `timestamp` in unix seconds. Undefined when there is no secret. Throws for a secret
 * that decodes to nothing, with which everybody could sign.
 */
export function sign(
  id: string,
  timestamp: number,
  body: Buffer,
  secrets: readonly string[],
): Signatures | undefined {
  const current = secrets[0];
  if (current === undefined) return undefined;
  const head = `${id}.${timestamp}.`;
  let webhook = `v1,${hmac(current, head, body)}`;
  for (let i = 1; i < secrets.length && i < MAX_SIGNATURES; i++) {
    webhook += ` v1,${hmac(secrets[i] ?? current, head, body)}`;
  }
  const zenia = createHmac('sha256', keyOf(current)).update(body).digest('hex');
  return { webhook, zenia: `sha256=${zenia}` };
}

const hmac = (secret: string, head: string, body: Buffer): string =>
  createHmac('sha256', keyOf(secret)).update(head).update(body).digest('base64');
