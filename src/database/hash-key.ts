import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { HASH_KEY_PLACE } from '../kernel/places';
import { SecretBox } from '../kernel/secret-box';

/**
 * The key of all keyed hashes (API keys and the like), kept sealed in the database: hashes cannot be made anew when
 * ENCRYPTION_KEYS are rotated, so their key stays and is sealed anew instead. Made at the first start.
 *
 * A ring that cannot open it is another ring than the one this database is used with.
 */
export async function hashKey(systemUrl: string, encryptionKeys: readonly string[]): Promise<Buffer> {
  const box = new SecretBox(encryptionKeys);
  const client = new Client({ connectionString: systemUrl });
  await client.connect();
  try {
    await client.query(
      `INSERT INTO platform_secrets (name, secret)
       SELECT 'hash_key', CASE WHEN EXISTS (SELECT FROM api_keys) THEN $1 ELSE $2 END
       ON CONFLICT DO NOTHING`,
      // Hashes of before were made with the first key of the ring.
      [
        box.seal(box.currentKey.toString('base64'), HASH_KEY_PLACE),
        box.seal(randomBytes(32).toString('base64'), HASH_KEY_PLACE),
      ],
    );
    const { rows } = await client.query<{ secret: string }>(
      `SELECT secret FROM platform_secrets WHERE name = 'hash_key'`,
    );
    return Buffer.from(opened(box, rows[0]?.secret ?? ''), 'base64');
  } finally {
    await client.end();
  }
}

function opened(box: SecretBox, sealed: string): string {
  try {
    return box.open(sealed, HASH_KEY_PLACE);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `ENCRYPTION_KEYS: this database is used with another key ring (${reason}); give every process on it the same keys`,
      { cause: error },
    );
  }
}
