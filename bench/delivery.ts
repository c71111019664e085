import { join } from 'node:path';
import { Client } from 'pg';
import { Pool } from 'undici';
import { createDatabase, type Receiver, type Service, startReceiver, startService } from './processes';
import { type Report } from './report';

const ROOT = join(__dirname, '..', '..');
const CONNECTIONS = 64;
const SECONDS = 4;

/** About 1 KB, the shape of the report that MS07 distributes. */
const PAYLOAD = {
  report_id: 'RPT-2026-000123',
  title: 'Monthly report on administrative acts',
  period: { from: '2026-10-01', to: '2026-10-31' },
  data: Object.fromEntries(Array.from({ length: 24 }, (_, index) => [`metric_${index}`, index * 1234.5])),
  notes: 'x'.repeat(300),
};

/** End to end with durability on, as ratios to raw POSTs and to SELECT 1 in the same run, everything on one machine. */
export async function deliveryBench(report: Report): Promise<void> {
  const database = await createDatabase();
  const receiver = await startReceiver();
  try {
    const rawPost = await rawPosts(receiver);
    const select1 = await selectOnes(database.url);
    report({ scenario: 'delivery', figure: 'raw_post', value: rawPost, unit: '/s' });
    report({ scenario: 'delivery', figure: 'select_1', value: select1, unit: '/s' });
    const service = await startService(ROOT, database.url, {});
    try {
      const key = await prepareTenant(service, receiver.url);
      await endToEnd(service, key, receiver, ['one'], 4000);
      await analysed(database.url);
      const one = await endToEnd(service, key, receiver, ['one'], 24_000);
      reportRate(report, 'e2e_one_destination', one, rawPost);
      report({
        scenario: 'delivery',
        figure: 'e2e_one_over_select_1',
        value: one,
        unit: '/s',
        baseline: 'select_1',
        baseline_value: select1,
        ratio: one / select1,
      });
      const three = await endToEnd(service, key, receiver, ['one', 'two', 'three'], 8000);
      reportRate(report, 'e2e_three_destinations', three, rawPost);
      report({ scenario: 'delivery', figure: 'service_rss_mb', value: await service.rssMb(), unit: 'MB' });
    } finally {
      await service.stop();
    }
  } finally {
    receiver.stop();
    await database.drop();
  }
}

/** A new database is slower until it knows its own size; the scheduler sees to it within seconds. */
async function analysed(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const young = `SELECT count(*)::int AS count FROM pg_class WHERE relname ~ '^distribution_(jobs|attempts)_y' AND reltuples > 0`;
  for (;;) {
    const { rows } = await client.query<{ count: number }>(young);
    if ((rows[0]?.count ?? 0) >= 2) break;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  await client.end();
}

function reportRate(report: Report, figure: string, value: number, rawPost: number): void {
  report({
    scenario: 'delivery',
    figure,
    value,
    unit: '/s',
    baseline: 'raw_post',
    baseline_value: rawPost,
    ratio: value / rawPost,
  });
}

/** undici Pool, keep-alive, 1 KB: what a bare client does against the same receiver. */
async function rawPosts(receiver: Receiver): Promise<number> {
  const pool = new Pool(receiver.url, { connections: CONNECTIONS });
  const body = Buffer.from(JSON.stringify(PAYLOAD));
  const headers = { 'content-type': 'application/json' };
  let done = 0;
  const rate = await forSeconds(SECONDS, CONNECTIONS, async () => {
    const answer = await pool.request({ path: '/', method: 'POST', body, headers });
    await answer.body.dump();
    done++;
  });
  await pool.close();
  return done / rate;
}

async function selectOnes(url: string): Promise<number> {
  const clients = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const client = new Client({ connectionString: url });
      await client.connect();
      return client;
    }),
  );
  let done = 0;
  let next = 0;
  const seconds = await forSeconds(SECONDS / 2, clients.length, async () => {
    await clients[next++ % clients.length]?.query({ name: 'one', text: 'SELECT 1' });
    done++;
  });
  await Promise.all(clients.map((client) => client.end()));
  return done / seconds;
}

/** Runs `work` in so many loops for a time; returns the seconds that really passed. */
async function forSeconds(seconds: number, loops: number, work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  const until = started + seconds * 1000;
  const loop = async (): Promise<void> => {
    while (performance.now() < until) await work();
  };
  await Promise.all(Array.from({ length: loops }, loop));
  return (performance.now() - started) / 1000;
}

async function prepareTenant(service: Service, receiverUrl: string): Promise<string> {
  const admin = { 'x-api-key': service.adminKey, 'content-type': 'application/json', 'x-tenant-id': 'bench' };
  const post = async (path: string, body: object): Promise<Record<string, string>> => {
    const answer = await fetch(`${service.url}/api/v1${path}`, {
      method: 'POST',
      headers: admin,
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Record<string, string>;
  };
  await post('/tenants', { id: 'bench', name: 'Bench' });
  for (const name of ['one', 'two', 'three']) {
    await post('/destinations/register', {
      name,
      protocol: 'REST',
      configuration: { endpoint: `${receiverUrl}/${name}` },
    });
  }
  const { key } = await post('/api-keys', {
    name: 'bench',
    scopes: ['distribution:submit', 'distribution:read'],
  });
  return key ?? '';
}

const PER_REQUEST = 200;
const SIDE_BY_SIDE = 4;

/** Submits so many jobs by NDJSON and waits for the last receipt. Deliveries a second, from first submit to last receipt. */
async function endToEnd(
  service: Service,
  key: string,
  receiver: Receiver,
  destinations: string[],
  jobs: number,
): Promise<number> {
  const line = `${JSON.stringify({ data_type: 'report', payload: PAYLOAD, destinations })}\n`;
  const body = line.repeat(PER_REQUEST);
  const before = receiver.count();
  const arrived = receiver.reaches(before + jobs * destinations.length);
  const started = performance.now();
  const pool = new Pool(service.url, { connections: SIDE_BY_SIDE });
  let left = jobs / PER_REQUEST;
  const submitter = async (): Promise<void> => {
    while (left-- > 0) {
      const answer = await pool.request({
        path: '/api/v1/distribution/bulk-submit',
        method: 'POST',
        headers: { 'x-api-key': key, 'content-type': 'application/x-ndjson' },
        body,
      });
      if (answer.statusCode !== 202) throw new Error(`${answer.statusCode} ${await answer.body.text()}`);
      await answer.body.dump();
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, submitter));
  const submitted = performance.now();
  const finished = await arrived;
  console.log(
    `  submitted in ${Math.round(submitted - started)} ms, all received after ${Math.round(finished - started)} ms`,
  );
  await pool.close();
  return (jobs * destinations.length) / ((finished - started) / 1000);
}
