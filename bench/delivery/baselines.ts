import { Client } from 'pg';
import { Pool } from 'undici';
import { PAYLOAD } from '../load';
import { query, type Receiver } from '../processes';

const CONNECTIONS = 64;

/** undici Pool, keep-alive, 1 KB: what a bare client does against the same receiver. */
export async function rawPosts(receiver: Receiver, seconds: number): Promise<number> {
  const pool = new Pool(receiver.url, { connections: CONNECTIONS });
  const body = Buffer.from(JSON.stringify(PAYLOAD));
  const headers = { 'content-type': 'application/json' };
  let done = 0;
  const passed = await forSeconds(seconds, CONNECTIONS, async () => {
    const answer = await pool.request({ path: '/', method: 'POST', body, headers });
    await answer.body.dump();
    done++;
  });
  await pool.close();
  return done / passed;
}

/** Prepared round trips over eight connections: what PostgreSQL can be asked at all. */
export async function selectOnes(seconds: number): Promise<number> {
  const url = process.env['BENCH_DATABASE_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres';
  await query(url, 'SELECT 1');
  const clients = Array.from({ length: 8 }, () => new Client({ connectionString: url }));
  await Promise.all(clients.map((client) => client.connect()));
  let done = 0;
  const loops = clients.map((client) => async (): Promise<void> => {
    await client.query({ name: 'one', text: 'SELECT 1' });
    done++;
  });
  const passed = await Promise.all(loops.map((loop) => forSeconds(seconds, 1, loop)));
  await Promise.all(clients.map((client) => client.end()));
  return done / Math.max(...passed);
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
