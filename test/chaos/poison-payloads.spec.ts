import { gzipSync } from 'node:zlib';
import { percentile } from '../../bench/load';
import { type Answer } from '../support/api';
import { type Chaos } from './harness/chaos';
import { fault } from './harness/fault';

const LIMIT = 8 * 1024 * 1024;
const payload = (text: string): string => `{"data_type":"report","payload":${text},"destinations":["sink"]}`;

/** What a careless or hostile submitter may send; each is refused as a whole. */
const CORPUS: Record<string, { body: string | Buffer; status: number; headers?: Record<string, string> }> = {
  'nesting of 100,000 levels': { body: payload(`{"a":${'['.repeat(1e5)}${']'.repeat(1e5)}}`), status: 400 },
  __proto__: { body: payload('{"__proto__":{"admin":true}}'), status: 400 },
  'constructor.prototype': { body: payload('{"constructor":{"prototype":{"admin":true}}}'), status: 400 },
  'invalid UTF-8': {
    body: Buffer.concat([Buffer.from('{"data_type":"'), Buffer.from([0xc3, 0x28])]),
    status: 400,
  },
  NUL: { body: payload('{"a":"x\\u0000y"}'), status: 400 },
  'half a surrogate pair': { body: payload('{"a":"\\ud83d"}'), status: 400 },
  'a body that breaks off': { body: '{"data_type":"report","payload":{', status: 400 },
  'a body over the limit': { body: payload(`{"a":"${'x'.repeat(LIMIT)}"}`), status: 413 },
  'a small body that unpacks to one over the limit': {
    body: gzipSync(payload(`{"a":"${'x'.repeat(4 * LIMIT)}"}`)),
    status: 413,
    headers: { 'content-encoding': 'gzip' },
  },
  'gzip that is none': { body: 'not gzip', status: 400, headers: { 'content-encoding': 'gzip' } },
};

/** Expressions that would never end, or need all memory: accepted, and a recorded failure. */
const EXPRESSIONS = {
  endless: '($f := function($x) { $f($x + 1) }; $f(1))',
  bomb: '($f := function($s, $n) { $n = 0 ? $s : $f($s & $s, $n - 1) }; $length($f("xxxxxxxx", 25)))',
};

/** Undefined where the connection was closed over a body that was too long to be read to its end. */
async function sent(chaos: Chaos, name: string, send: () => Promise<Answer>): Promise<void> {
  const { status } = CORPUS[name] ?? { status: 0 };
  const answer = await send().catch((error: unknown) => {
    if (status === 413) return undefined;
    throw error;
  });
  if (answer === undefined) return;
  expect({ name, status: answer.status, body: answer.body }).toMatchObject({
    name,
    status,
    body: { error: status === 413 ? 'PAYLOAD_TOO_LARGE' : 'VALIDATION_ERROR' },
  });
  await chaos.expectAllAlive();
}

fault(
  'poison-payloads',
  'what is poison is refused or recorded as failed, and delays nobody',
  async (chaos) => {
    await chaos.open();
    await chaos.start({ API_MAX_REQUEST_SIZE: String(LIMIT) });
    const [good, bad] = await Promise.all([chaos.tenant('good'), chaos.tenant('bad')]);
    const place = await chaos.destination(good, 'sink');
    await chaos.destination(bad, 'sink');
    for (const [name, spec] of Object.entries(EXPRESSIONS)) {
      await chaos.destination(bad, name);
      await bad.api.json('POST', '/api/v1/transforms', { name, engine: 'jsonata', spec });
      await bad.api.patchDestination(name, { transform_config: { transform: name } });
    }
    const jobs = chaos.scaled(60, 1000);
    const options = { tenant: good, jobs, destinations: ['sink'], perSecond: 20 };
    const quiet = chaos.load({ ...options, prefix: 'quiet' });
    await quiet.done;
    await chaos.ledger.reaches(jobs, place);

    const beside = chaos.load({ ...options, prefix: 'beside' });
    const poisoned = chaos.load({
      tenant: bad,
      jobs: chaos.scaled(8, 60),
      destinations: Object.keys(EXPRESSIONS),
    });
    for (let round = 0; round < chaos.scaled(1, 10); round++) {
      for (const [name, { body, headers }] of Object.entries(CORPUS)) {
        const type = { 'content-type': 'application/json', ...headers };
        await sent(chaos, name, () => bad.api.send('POST', '/api/v1/distribution/submit', body, type));
      }
    }
    await beside.done;
    const over = performance.now();
    await chaos.ledger.reaches(2 * jobs, place);
    const recoverySeconds = (performance.now() - over) / 1000;
    await poisoned.done;
    await chaos.settled();

    const reasons = await chaos.rows<{ code: string; count: number }>(`
    SELECT error_code AS code, count(*)::int FROM distribution_attempts WHERE tenant_id = 'bad' GROUP BY 1`);
    expect(reasons).toEqual([{ code: 'TRANSFORMATION_FAILED', count: chaos.scaled(16, 120) }]);
    const [p99Quiet, p99Beside] = [quiet, beside].map((load) =>
      percentile(load.latencies(chaos.ledger, [place]), 0.99),
    ) as [number, number];
    return {
      recoverySeconds,
      figures: { p99_quiet_ms: p99Quiet, p99_beside_ms: p99Beside, p99_ratio: p99Beside / p99Quiet },
    };
  },
);
