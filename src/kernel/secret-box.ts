import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto';

interface RingKey {
  id: string;
  key: Buffer;
}

export type Resealed = { kind: 'resealed'; text: string } | { kind: 'not_sealed' } | { kind: 'unknown_key' };

/**
 * Secrets at rest: AES-256-GCM with a key ring, the first key current. A sealed text is
 * `v1.<key id>.<nonce>.<ciphertext and tag>`, bound by its associated data to the place it belongs to
 * (tenant and column), so that it cannot be read from another row.
 */
export class SecretBox {
  private readonly ring: RingKey[];

  /**
   * @param keys 32 bytes each, base64 or hex.
   * @param hashKey of `hashes`; without it they are made with the ring's keys.
   */
  constructor(
    keys: readonly string[],
    private readonly hashKey?: Buffer,
  ) {
    this.ring = keys.map(parseKey);
    if (this.ring.length === 0) throw new Error('ENCRYPTION_KEYS: at least one key is needed');
  }

  seal(plain: string, place: string): string {
    const { id, key } = this.current;
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(place));
    const sealed = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return `v1.${id}.${nonce.toString('base64url')}.${sealed.toString('base64url')}`;
  }

  /** @throws Error where the key is not in the ring, or the text was not sealed for this place. */
  open(sealed: string, place: string): string {
    const [version, id, nonce, body] = sealed.split('.');
    if (version !== 'v1' || id === undefined || nonce === undefined || body === undefined) {
      throw new Error(`${place}: not a sealed secret`);
    }
    const key = this.byId(id, place);
    const bytes = Buffer.from(body, 'base64url');
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(nonce, 'base64url'));
    decipher.setAAD(Buffer.from(place)).setAuthTag(bytes.subarray(-16));
    return decipher.update(bytes.subarray(0, -16), undefined, 'utf8') + decipher.final('utf8');
  }

  /** A sealed text sealed anew with the current key. What was not sealed, or for another place, stays what it is. */
  reseal(text: string, place: string): Resealed {
    const keyId = /^v1\.([0-9a-f]{8})\.[\w-]{16}\.[\w-]{22,}$/.exec(text)?.[1];
    if (keyId === undefined) return { kind: 'not_sealed' };
    if (!this.ring.some(({ id }) => id === keyId)) return { kind: 'unknown_key' };
    try {
      return { kind: 'resealed', text: this.seal(this.open(text, place), place) };
    } catch {
      return { kind: 'not_sealed' };
    }
  }

  /** Keyed hashes for look-up without storing; a new one is stored as the first, an older one may be any of them. */
  hashes(text: string): Buffer[] {
    const keys = this.hashKey === undefined ? this.ring.map(({ key }) => key) : [this.hashKey];
    return keys.map((key) => createHmac('sha256', key).update(text).digest());
  }

  get currentKey(): Buffer {
    return this.current.key;
  }

  /** Names the current key without revealing it; processes that share a database must agree on it. */
  get fingerprint(): string {
    return this.current.id;
  }

  private get current(): RingKey {
    return this.ring[0] as RingKey;
  }

  private byId(id: string, place: string): Buffer {
    const found = this.ring.find((entry) => entry.id === id);
    if (found === undefined) {
      throw new Error(`${place}: sealed with key ${id}, which ENCRYPTION_KEYS does not hold`);
    }
    return found.key;
  }
}

function parseKey(text: string): RingKey {
  const key = /^[0-9a-f]{64}$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64');
  if (key.length !== 32) {
    throw new Error(
      'ENCRYPTION_KEYS: each key must be 32 bytes in base64 or hex, e.g. from "openssl rand -base64 32"',
    );
  }
  const id = createHash('sha256').update('distributor key id').update(key).digest('hex').slice(0, 8);
  return { id, key };
}
