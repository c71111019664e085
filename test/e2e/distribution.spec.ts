import { accountsOf, expectBalanced } from '../support/accounts';
import { must, type Submission, type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { metric } from '../support/prometheus';
import { verifySignatures } from '../support/receiver';
import { World } from '../support/world';

const ONE_BY_ONE = 200;
const IN_A_BATCH = 400;
const JOBS = ONE_BY_ONE + 2 * IN_A_BATCH;
const DESTINATIONS = ['archive', 'ledger', 'portal'];
const DELIVERIES = JOBS * DESTINATIONS.length;

let world: World;
let tenant: TestTenant;
let ids: string[];
let batchIds: string[];

const submission = (number: number): Submission => ({
  distribution_id: `report-${number}`,
  data_type: number % 2 === 0 ? 'report' : 'notice',
  payload: { number, title: `Relazione n. ${number} – àéîõü 数据 🚚` },
  destinations: DESTINATIONS,
});

beforeAll(async () => {
  world = await World.create();
  tenant = await world.tenant('comune-roma');
  for (const name of DESTINATIONS) {
    await tenant.api.register(name, { endpoint: `${world.receiver.url}/${name}` });
  }
  const numbers = Array.from({ length: JOBS }, (_, index) => index);
  const single = numbers.slice(0, ONE_BY_ONE).map((number) => tenant.api.accepted(submission(number)));
  const json = tenant.api.bulk(numbers.slice(ONE_BY_ONE, ONE_BY_ONE + IN_A_BATCH).map(submission));
  const ndjson = tenant.api.ndjson(numbers.slice(ONE_BY_ONE + IN_A_BATCH).map(submission));
  const batches = (await Promise.all([json, ndjson])).map((answer) => must(answer, 202).body);
  batchIds = batches.map(({ batch_id }) => batch_id);
  ids = [...(await Promise.all(single)), ...batches.flatMap(({ distribution_ids }) => distribution_ids)];
  await world.receiver.received(DELIVERIES, undefined, 45_000);
  await eventually({ until: 'every outcome recorded' }, async () =>
    expect(await world.count('FROM ready_attempts')).toBe(0),
  );
});

afterAll(() => world.dispose());

describe('a thousand jobs to three destinations', () => {
  it('accepts each under the id that its submitter chose', () => {
    expect(new Set(ids)).toEqual(new Set(Array.from({ length: JOBS }, (_, number) => `report-${number}`)));
  });

  it('reaches every receiver once for each job, with the payload as it was submitted', () => {
    for (const name of DESTINATIONS) {
      const received = world.receiver.at(`/${name}`);
      expect(received).toHaveLength(JOBS);
      expect(new Set(received.map(({ distributionId }) => distributionId))).toEqual(new Set(ids));
      for (const { body, distributionId } of received) {
        const number = Number(distributionId.replace('report-', ''));
        expect(JSON.parse(body.toString())).toEqual(submission(number).payload);
      }
    }
  });

  it('signs every delivery so that its receiver can verify it', () => {
    for (const receipt of world.receiver.ledger) verifySignatures(receipt, tenant.signingSecret);
    const [first] = world.receiver.ledger;
    if (first === undefined) throw new Error('nothing was received');
    const forged = { ...first, body: Buffer.from('{"forged":true}') };
    expect(() => verifySignatures(forged, tenant.signingSecret)).toThrow();
  });

  it('gives each delivery an id of its own and says whose it is', () => {
    const { ledger } = world.receiver;
    expect(new Set(ledger.map(({ id }) => id)).size).toBe(DELIVERIES);
    for (const { headers, id } of ledger) {
      expect(headers).toMatchObject({
        'content-type': 'application/json',
        'idempotency-key': id,
        'x-tenant-id': tenant.id,
        'x-distribution-attempt': '1',
      });
    }
  });

  it('accounts for all of it in the database', async () => {
    const accounts = await accountsOf(world, tenant.id);
    expect(accounts).toMatchObject({ planned: DELIVERIES, delivered: DELIVERIES });
    expectBalanced(accounts);
    expect(await world.count(`FROM distribution_jobs WHERE status = 'completed'`)).toBe(JOBS);
    const recorded = await world.rows<{ id: string }>('SELECT delivery_id AS id FROM distribution_attempts');
    expect(new Set(recorded.map(({ id }) => id))).toEqual(new Set(world.receiver.ledger.map(({ id }) => id)));
  });

  it('says the same in the status of each job', async () => {
    for (const id of [ids[0], ids[ONE_BY_ONE], ids[JOBS - 1]] as string[]) {
      const { body } = must(await tenant.api.status(id), 200);
      expect(body).toMatchObject({
        distribution_id: id,
        tenant_id: tenant.id,
        status: 'completed',
        progress_percentage: 100,
        errors: [],
        metrics: { success_rate: 1, retry_count: 0, total_attempts: 3, successful_attempts: 3 },
      });
      expect(body.destinations.map(({ name, status, attempts }) => [name, status, attempts])).toEqual(
        DESTINATIONS.map((name) => [name, 'success', 1]),
      );
      expect(body.metrics['data_transferred_bytes']).toBe(
        world.receiver.ledger
          .filter(({ distributionId }) => distributionId === id)
          .reduce((sum, receipt) => sum + receipt.body.length, 0),
      );
    }
  });

  it('lists every job once, page by page, and by filter', async () => {
    const all = await tenant.api.listAll({ limit: '150' });
    expect(all.map(({ distribution_id }) => distribution_id).sort()).toEqual([...ids].sort());
    const completed = await tenant.api.listAll({ limit: '400', status: 'completed' });
    expect(completed).toHaveLength(JOBS);
    const notices = await tenant.api.listAll({ limit: '1000', data_type: 'notice', destination: 'ledger' });
    expect(notices).toHaveLength(JOBS / 2);
    expect(await tenant.api.listAll({ status: 'failed' })).toEqual([]);
    expect(await tenant.api.listAll({ q: 'REPORT-777' })).toMatchObject([{ distribution_id: 'report-777' }]);
  });

  it('counts both batches as completed', async () => {
    for (const id of batchIds) {
      const { body } = must(await tenant.api.batch(id), 200);
      expect(body).toMatchObject({
        status: 'completed',
        total_distributions: IN_A_BATCH,
        accepted_distributions: IN_A_BATCH,
        completed_distributions: IN_A_BATCH,
        failed_distributions: 0,
        open_distributions: 0,
        progress_percentage: 100,
      });
    }
  });

  it('counts the same in its metrics', async () => {
    const { url } = world.service;
    const name = 'zenia_distribution_attempts_total';
    for (const destination of DESTINATIONS) {
      expect(await metric(url, name, { destination, status: 'success' })).toBe(JOBS);
      expect(await metric(url, 'zenia_distribution_latency_seconds_count', { destination })).toBe(JOBS);
    }
    expect(await metric(url, name)).toBe(DELIVERIES);
    const requests = { tenant_id: tenant.id, status: 'accepted' };
    expect(await metric(url, 'zenia_distribution_requests_total', requests)).toBe(JOBS);
    expect(await metric(url, 'zenia_distribution_queue_depth')).toBe(0);
    expect(await metric(url, 'zenia_distribution_claim_seconds_count')).toBeGreaterThan(0);
    expect(await metric(url, 'zenia_distribution_active_workers')).toBe(0);
  });
});
