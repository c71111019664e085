import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { MIGRATIONS } from '../../migrations';
import { rolePassword, scramVerifier, SESSION_ROLES, type SessionUrls, sessionUrls } from './roles';

/** Any number that nobody else uses: one migration run at a time per database. */
const MIGRATION_LOCK = 7_046_921_853;

const migrationSource = (ownerUrl: string): DataSource =>
  new DataSource({
    type: 'postgres',
    url: ownerUrl,
    migrations: MIGRATIONS,
    migrationsTransactionMode: 'each',
    installExtensions: false,
    synchronize: false,
    logging: false,
    extra: { max: 2 },
  });

/**
 * Brings the database to this version and makes sure that the service can log in. Processes that start
 * together wait for one another. Returns the names of the migrations that ran.
 */
export async function migrate(ownerUrl: string, sessions: SessionUrls): Promise<string[]> {
  return underLock(ownerUrl, async (client) => {
    const source = await migrationSource(ownerUrl).initialize();
    try {
      const done = await source.runMigrations();
      for (const role of SESSION_ROLES) await ensureLogin(client, ownerUrl, sessions, role);
      return done.map(({ name }) => name);
    } finally {
      await source.destroy();
    }
  });
}

/** Takes every migration back, the newest first: an empty database again. */
export async function migrateDown(ownerUrl: string): Promise<void> {
  await underLock(ownerUrl, async () => {
    const source = await migrationSource(ownerUrl).initialize();
    try {
      for (let left = MIGRATIONS.length; left > 0; left--) await source.undoLastMigration();
    } finally {
      await source.destroy();
    }
  });
}

async function underLock<T>(ownerUrl: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    return await work(client);
  } finally {
    await client.end();
  }
}

/**
 * Gives a role its derived password, only where it cannot log in yet: other processes may hold sessions. The login
 * of a URL that was given is its giver's affair.
 */
async function ensureLogin(
  owner: Client,
  ownerUrl: string,
  sessions: SessionUrls,
  role: (typeof SESSION_ROLES)[number],
): Promise<void> {
  const door = role === 'distributor_app' ? 'app' : 'system';
  const url = sessions[door];
  const password = rolePassword(ownerUrl, role);
  if (password === undefined || url !== sessionUrls(ownerUrl, {})[door] || (await canLogIn(url))) return;
  const verifier = scramVerifier(password, randomBytes(16));
  await owner.query(`ALTER ROLE ${role} PASSWORD '${verifier}'`);
}

async function canLogIn(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url });
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
