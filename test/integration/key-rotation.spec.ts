import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { type TenantId } from '../../src/kernel/ids';
import { erasureSubjectPlace } from '../../src/kernel/places';
import { SecretBox } from '../../src/kernel/secret-box';
import { SEALED_COLUMNS } from '../../src/upkeep/reseal';
import { Api } from '../support/api';
import { runCommand } from '../support/command';
import { eventually } from '../support/eventually';
import { TestService } from '../support/service';
import { World } from '../support/world';

const ringKey = (): string => randomBytes(32).toString('base64');
const [old, current] = [ringKey(), ringKey()];

let world: World;

beforeAll(async () => {
  world = await World.create({ ENCRYPTION_KEYS: old });
});

afterAll(() => world.dispose());

const rotate = (ring: string, ...args: string[]) =>
  runCommand('rotate-keys', args, { DATABASE_URL: world.database.url, ENCRYPTION_KEYS: ring });

/** Columns of every table in which a sealed text stands now. */
async function columnsWithSealedTexts(): Promise<string[]> {
  const columns = await world.rows<{ table: string; column: string }>(
    `SELECT table_name AS table, column_name AS column FROM information_schema.columns c
     JOIN pg_class t ON t.relname = c.table_name AND t.relkind IN ('r', 'p') AND NOT t.relispartition
     WHERE table_schema = 'public' AND data_type IN ('text', 'character varying', 'jsonb')`,
  );
  const found: string[] = [];
  for (const { table, column } of columns) {
    const sealed = `${column}::text ~ 'v1\\.[0-9a-f]{8}\\.[\\w-]{16}\\.'`;
    if ((await world.count(`FROM ${table} WHERE ${sealed}`)) > 0) found.push(`${table}.${column}`);
  }
  return found.sort();
}

/** An erasure that begins when the session ends, and not before. The lock leaves its columns to the rotation. */
async function heldErasure(tenant: string, box: SecretBox): Promise<Client> {
  const value = box.seal('"anna"', erasureSubjectPlace(tenant as TenantId));
  await world.rows(
    `INSERT INTO erasures (id, tenant_id, subject_path, subject_value, subject_hash, dry_run, created_by)
     VALUES (gen_random_uuid(), $1, 'payload.who', $2, '', false, 'key:tests')`,
    [tenant, value],
  );
  const client = new Client({ connectionString: world.database.url });
  await client.connect();
  await client.query('BEGIN');
  await client.query('SELECT FROM erasures FOR KEY SHARE');
  return client;
}

describe('encryption keys', () => {
  it('are rotated while jobs are delivered, and the old one is not needed afterwards', async () => {
    const tenant = await world.tenant('rotating');
    const endpoint = (path: string): string => `${world.receiver.url}/${path}`;
    const auth = { type: 'bearer', token: 'token-of-the-receiver' };
    await tenant.api.register('sealed', { endpoint: endpoint('sealed'), auth });
    const callback = { url: endpoint('callback'), headers: { authorization: 'Bearer of-the-callback' } };
    const inline = { name: 'inline', protocol: 'REST', endpoint: endpoint('inline'), auth };
    const deliver_at = new Date(Date.now() + 3_600_000).toISOString();
    await tenant.api.accepted({
      distribution_id: 'waiting',
      destinations: ['sealed', inline],
      callback,
      options: { encryption_required: true, deliver_at },
    });
    await world.service.stop();
    const held = await heldErasure(tenant.id, new SecretBox([old]));

    const both = await TestService.start({
      databaseUrl: world.database.url,
      env: { ENCRYPTION_KEYS: `${current},${old}` },
    });
    const api = new Api(both.url, tenant.api.key);
    let submitting = true;
    const submitted: Promise<string>[] = [];
    const load = (async () => {
      for (let n = 0; submitting; n++) {
        submitted.push(api.accepted({ distribution_id: `during-${n}`, destinations: ['sealed'] }));
        await submitted[n];
      }
    })();
    expect(await columnsWithSealedTexts()).toEqual(
      SEALED_COLUMNS.map(({ table, column }) => `${table}.${column}`).sort(),
    );
    expect((await rotate(`${current},${old}`, '--check')).code).toBe(1);
    const rotated = await rotate(`${current},${old}`);
    expect(rotated.output).toContain('destinations.configuration: 1 sealed anew');
    expect(rotated.output).toMatch(/only key [0-9a-f]{8} is needed/);
    expect(rotated.code).toBe(0);
    submitting = false;
    await load;
    const ids = await Promise.all(submitted);
    for (const id of ids) {
      await eventually({ until: `${id} completed` }, async () => {
        expect((await api.status(id)).body.status).toBe('completed');
      });
    }
    await both.dispose();

    const only = await TestService.start({
      databaseUrl: world.database.url,
      env: { ENCRYPTION_KEYS: current },
    });
    const after = new Api(only.url, tenant.api.key);
    await world.rows(`UPDATE ready_attempts SET due_at = now()`);
    await eventually({ until: 'the job of before to complete' }, async () => {
      expect((await after.status('waiting')).body.status).toBe('completed');
    });
    for (const path of ['/sealed', '/inline']) {
      expect(world.receiver.at(path).at(-1)?.headers.authorization).toBe('Bearer token-of-the-receiver');
    }
    await world.receiver.received(1, '/callback');
    expect(world.receiver.at('/callback')[0]?.headers.authorization).toBe('Bearer of-the-callback');
    await held.end();
    await eventually({ until: 'the erasure of before to end' }, async () => {
      expect(await world.count(`FROM erasures WHERE status = 'completed'`)).toBe(1);
    });
    await only.dispose();
    // Three starts and two commands.
  }, 240_000);

  it('of another ring are refused at the start, in words that say so', async () => {
    const { code, words } = await TestService.refusal({
      databaseUrl: world.database.url,
      env: { ENCRYPTION_KEYS: ringKey() },
    });
    expect(code).toBe(1);
    expect(words).toContain('ENCRYPTION_KEYS: this database is used with another key ring');
  });
});
