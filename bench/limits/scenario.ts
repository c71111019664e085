import { join } from 'node:path';
import { Pool } from 'undici';
import { inWorld, type World } from '../delivery/world';
import { PAYLOAD } from '../load';
import { startReceiver, startService, type Receiver, type Service } from '../processes';
import { type Report } from '../report';

const API = { ROLE: 'api' };
const SIDE_BY_SIDE = 32;
/** Short turns, so that both builds meet the same moods of the machine. */
const COST_SECONDS = 1;
const COST_ROUNDS = 20;
const PROCESSES = 4;
const ERROR_SECONDS = 20;
/** A bucket that the four processes together empty many times over. */
const LIMIT = { rate_limit_requests: 200, rate_limit_window_seconds: 2, burst_limit: 200 };

/** What the limiter costs, and how exactly four processes keep one limit. */
export async function limitsBench(report: Report): Promise<void> {
  const receiver = await startReceiver();
  try {
    await cost(report, receiver);
    await error(report, receiver);
  } finally {
    receiver.stop();
  }
}

/** Single submissions, each with one token of the tenant and one of the key; the two builds take turns. */
async function cost(report: Report, receiver: Receiver): Promise<void> {
  await inWorld(receiver, API, async (world) => {
    const { key } = await world.tenant('bench', []);
    const preload = ['-r', join(__dirname, 'without-limiter.js')];
    const bare = await startService(world.deployment, API, preload);
    try {
      const limited: number[] = [];
      const without: number[] = [];
      await admitted(world.service, key, 3);
      await admitted(bare, key, 3);
      for (let round = 0; round < COST_ROUNDS; round++) {
        limited.push((await admitted(world.service, key, COST_SECONDS)) / COST_SECONDS);
        without.push((await admitted(bare, key, COST_SECONDS)) / COST_SECONDS);
      }
      const pairs = limited.map((rate, round) => rate / (without[round] ?? NaN));
      report({
        scenario: 'limits',
        figure: 'limiter_cost',
        value: median(limited),
        unit: '/s',
        baseline: 'without_limiter',
        baseline_value: median(without),
        ratio: median(pairs),
      });
    } finally {
      await bare.stop();
    }
  });
}

/** What is admitted in a time in which far more is asked for, to what the bucket allows in it. */
async function error(report: Report, receiver: Receiver): Promise<void> {
  await inWorld(receiver, API, async (world) => {
    const others = await Promise.all(Array.from({ length: PROCESSES - 1 }, () => world.start(API)));
    const key = await limitedTenant(world);
    const services = [world.service, ...others];
    const started = performance.now();
    const counts = await Promise.all(services.map((service) => admitted(service, key, ERROR_SECONDS)));
    const seconds = (performance.now() - started) / 1000;
    const got = counts.reduce((sum, count) => sum + count, 0);
    const { rate_limit_requests: tokens, rate_limit_window_seconds: window, burst_limit: burst } = LIMIT;
    const allowed = burst + (tokens / window) * seconds;
    report({
      scenario: 'limits',
      figure: 'limiter_error',
      value: got / allowed - 1,
      unit: `of ${Math.round(allowed)} allowed`,
      baseline: 'allowed',
      baseline_value: allowed,
      ratio: got / allowed,
    });
  });
}

/** Submissions that the service took in so many seconds, from loops that ask again at once. */
async function admitted({ url }: Service, key: string, seconds: number): Promise<number> {
  const pool = new Pool(url, { connections: SIDE_BY_SIDE });
  const body = JSON.stringify({ data_type: 'report', payload: PAYLOAD });
  const headers = { 'x-api-key': key, 'content-type': 'application/json' };
  const until = performance.now() + seconds * 1000;
  let accepted = 0;
  const loop = async (): Promise<void> => {
    while (performance.now() < until) {
      const answer = await pool.request({
        path: '/api/v1/distribution/submit',
        method: 'POST',
        headers,
        body,
      });
      const text = await answer.body.text();
      if (answer.statusCode === 202) accepted++;
      else if (answer.statusCode !== 429) throw new Error(`${answer.statusCode} ${text}`);
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, loop));
  await pool.close();
  return accepted;
}

async function limitedTenant(world: World): Promise<string> {
  const { key } = await world.tenant('limited', []);
  const answer = await fetch(`${world.service.url}/api/v1/tenants/limited`, {
    method: 'PATCH',
    headers: { 'x-api-key': world.deployment.adminKey, 'content-type': 'application/json' },
    body: JSON.stringify(LIMIT),
  });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return key;
}

const median = (values: number[]): number =>
  [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? NaN;
