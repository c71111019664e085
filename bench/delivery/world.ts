import { join } from 'node:path';
import { type Submitter } from '../load';
import {
  cpuSeconds,
  createDatabase,
  type Deployment,
  newDeployment,
  query,
  type Receiver,
  type Service,
  startService,
} from '../processes';

const ROOT = join(__dirname, '..', '..', '..');

/** A deployment on a new database, with a tenant that can deliver to the receiver. */
export interface World {
  deployment: Deployment;
  /** The first process, the one that is submitted to. */
  service: Service;
  receiver: Receiver;
  /** A further process; it ends with the world. */
  start(env: NodeJS.ProcessEnv): Promise<Service>;
  /** A tenant that submits to destinations of these names, each a path of the receiver. */
  tenant(id: string, destinations: string[]): Promise<Submitter>;
  /** Resolves when the receiver has got so many more requests. */
  receives(deliveries: number): Promise<number>;
  rows<Row extends object>(sql: string): Promise<Row[]>;
}

/** Everything `work` started ends with it. */
export async function inWorld(
  receiver: Receiver,
  env: NodeJS.ProcessEnv,
  work: (world: World) => Promise<void>,
): Promise<void> {
  const database = await createDatabase();
  const deployment = newDeployment(ROOT, database.url);
  const services: Service[] = [];
  const start = async (more: NodeJS.ProcessEnv): Promise<Service> => {
    const service = await startService(deployment, more);
    services.push(service);
    return service;
  };
  try {
    const service = await start(env);
    await work({
      deployment,
      service,
      receiver,
      start,
      tenant: (id, destinations) => createTenant(deployment, service, receiver, id, destinations),
      receives: (deliveries) => receiver.reaches(receiver.count() + deliveries),
      rows: (sql) => query(database.url, sql),
    });
  } finally {
    for (const service of services.reverse()) await service.stop();
    await database.drop();
  }
}

async function createTenant(
  { adminKey }: Deployment,
  { url }: Service,
  receiver: Receiver,
  id: string,
  destinations: string[],
): Promise<Submitter> {
  const headers = { 'x-api-key': adminKey, 'content-type': 'application/json', 'x-tenant-id': id };
  const post = async (path: string, body: object): Promise<Record<string, string>> => {
    const answer = await fetch(`${url}/api/v1${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Record<string, string>;
  };
  await post('/tenants', { id, name: id });
  for (const name of destinations) {
    const configuration = { endpoint: `${receiver.url}/${name}` };
    await post('/destinations/register', { name, protocol: 'REST', configuration });
  }
  const { key = '' } = await post('/api-keys', { name: 'bench', scopes: ['distribution:submit'] });
  return { tenantId: id, url, key, destinations };
}

/** A new database is slower until it knows its own size; the scheduler sees to it within seconds. */
export async function analysed(world: World): Promise<void> {
  const young = `SELECT count(*)::int AS count FROM pg_class
    WHERE relname ~ '^distribution_(jobs|attempts)_y' AND reltuples > 0`;
  for (;;) {
    const [row] = await world.rows<{ count: number }>(young);
    if ((row?.count ?? 0) >= 2) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** CPU time used so far, in seconds, by the first process and by its sessions in PostgreSQL (on this machine). */
export async function cpuUsed(world: World): Promise<{ service: number; postgres: number }> {
  const sessions = await world.rows<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
  );
  const postgres = sessions.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0);
  return { service: cpuSeconds(world.service.pid), postgres };
}
