import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';

/** The roles that sessions of the service log in as; neither owns a table nor bypasses a policy. */
export const SESSION_ROLES = ['distributor_app', 'distributor_system'] as const;
export type SessionRole = (typeof SESSION_ROLES)[number];

export interface SessionUrls {
  app: string;
  system: string;
}

/** Explicit session URLs, or those derived from the owner's: same server and database, another login. */
export function sessionUrls(ownerUrl: string, explicit: Partial<SessionUrls>): SessionUrls {
  return {
    app: explicit.app ?? roleUrl(ownerUrl, 'distributor_app'),
    system: explicit.system ?? roleUrl(ownerUrl, 'distributor_system'),
  };
}

function roleUrl(ownerUrl: string, role: SessionRole): string {
  const url = new URL(ownerUrl);
  const password = rolePassword(ownerUrl, role);
  url.username = role;
  url.password = password ?? '';
  return url.toString();
}

/**
 * The password of a session role, derived from the owner's, so that every process that knows the owner's
 * URL knows it and nobody has to store it. Undefined where the owner has none (trust or peer login).
 */
export function rolePassword(ownerUrl: string, role: SessionRole): string | undefined {
  const ownerPassword = decodeURIComponent(new URL(ownerUrl).password);
  if (ownerPassword === '') return undefined;
  return createHmac('sha256', ownerPassword).update(`distributor role ${role}`).digest('hex');
}

/**
 * What PostgreSQL stores for a password (RFC 5803), computed here so that the password itself never
 * stands in a statement that the server may log.
 */
export function scramVerifier(password: string, salt: Buffer): string {
  const iterations = 4096;
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
  const storedKey = createHash('sha256').update(hmac(salted, 'Client Key')).digest('base64');
  const serverKey = hmac(salted, 'Server Key').toString('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${storedKey}:${serverKey}`;
}
