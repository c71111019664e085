import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { type TestTenant } from '../../test/support/api';
import { eventually } from '../../test/support/eventually';
import { hang } from '../../test/support/receiver';
import { World } from '../../test/support/world';
import {
  ApiError,
  CallbackInbox,
  ConnectionError,
  DistributorClient,
  type Submission,
  WaitTimeoutError,
} from '../src/index';
import { FrontDoor, type Treatment } from './front-door';

const envelope = (error: string) =>
  JSON.stringify({ error, message: 'no', request_id: 'r-1', timestamp: new Date().toISOString() });
const quick = { initialDelayMs: 1, maxDelayMs: 5000 };

describe('the client', () => {
  let world: World;
  let tenant: TestTenant;
  let door: FrontDoor;
  let client: DistributorClient;
  const report: Submission = { data_type: 'report', payload: { total: 1 }, destinations: ['archive'] };

  beforeAll(async () => {
    world = await World.create();
    tenant = await world.tenant('upstream');
    await tenant.api.register('archive', { endpoint: `${world.receiver.url}/archive` });
    door = await FrontDoor.before(() => world.service.url);
    client = new DistributorClient({ baseUrl: door.url, apiKey: tenant.api.key, retry: quick });
  });

  beforeEach(() => door.next());

  afterAll(async () => {
    await door.close();
    await world.dispose();
  });

  const jobs = (type: string): Promise<number> =>
    world.count('FROM distribution_jobs WHERE data_type = $1', [type]);

  describe('repeats what is safe to repeat', () => {
    it('a submission whose answer was lost is found again, not made twice', async () => {
      door.next('lose_answer', 'lose_answer');
      const receipt = await client.submit({ ...report, data_type: 'lost' });
      expect(receipt.idempotent_replay).toBe(true);
      expect(door.requests.length).toBe(3);
      expect(new Set(door.requests.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
      expect(await jobs('lost')).toBe(1);
    });

    it.each(['one request', 'a stream'])('a batch whose answer was lost, as %s', async (way) => {
      const type = `lost in ${way}`;
      const batch = Array.from({ length: 5 }, (_, total) => ({
        ...report,
        data_type: type,
        payload: { total },
      }));
      door.next('lose_answer');
      if (way === 'one request') {
        const receipt = await client.submitMany(batch);
        expect(receipt).toMatchObject({ accepted_distributions: 5, idempotent_replay: true });
        expect((await client.waitForBatch(receipt.batch_id)).distributions).toHaveLength(5);
      } else {
        for await (const { accepted_distributions: accepted } of client.submitStream(batch)) {
          expect(accepted).toBe(5);
        }
      }
      expect(door.requests.filter(({ method }) => method === 'POST').length).toBe(2);
      expect(await jobs(type)).toBe(5);
    });

    it('one that the caller keys: again after a crash of the caller, too', async () => {
      const key = randomUUID();
      const first = await client.submit(report, { idempotencyKey: key });
      const again = await client.submit(report, { idempotencyKey: key });
      expect(again).toMatchObject({ distribution_id: first.distribution_id, idempotent_replay: true });
    });

    it.each([502, 503, 504])('after %i of something in between', async (status) => {
      door.next({ status, body: '<html>bad gateway</html>' }, 'cut');
      expect((await client.submit(report)).status).toBe('accepted');
      expect(door.requests.length).toBe(3);
    });

    it('reads', async () => {
      const { distribution_id: id } = await client.submit(report);
      door.next('cut', { status: 503 });
      expect((await client.status(id)).distribution_id).toBe(id);
    });

    it('waits as long as Retry-After says', async () => {
      door.next({ status: 429, headers: { 'retry-after': '1' }, body: envelope('RATE_LIMIT_EXCEEDED') });
      const before = Date.now();
      await client.submit(report);
      expect(Date.now() - before).toBeGreaterThanOrEqual(950);
    });
  });

  describe('with several addresses', () => {
    let other: FrontDoor;
    let either: DistributorClient;

    beforeAll(async () => {
      other = await FrontDoor.before(() => world.service.url);
    });

    beforeEach(() => {
      other.next();
      either = new DistributorClient({
        baseUrl: [door.url, other.url],
        apiKey: tenant.api.key,
        retry: { initialDelayMs: 60_000, maxDelayMs: 60_000 },
      });
    });

    afterAll(() => other.close());

    it.each<[string, Treatment]>([
      ['breaks the connection', 'cut'],
      ['loses the answer', 'lose_answer'],
      ['says 503, and to wait', { status: 503, headers: { 'retry-after': '30' } }],
    ])('goes to the next one at once when one %s, and stays there', async (type, treatment) => {
      door.next(treatment);
      expect((await either.submit({ ...report, data_type: type })).status).toBe('accepted');
      await either.listPage({ limit: 1 });
      expect([door.requests.length, other.requests.length]).toEqual([1, 2]);
      expect(await jobs(type)).toBe(1);
    });

    it('leaves one that does not answer for the next call, too, where this one cannot be repeated', async () => {
      const { distribution_id: id } = await either.submit(report);
      await either.waitFor(id);
      door.next('cut');
      await expect(either.replay(id)).rejects.toBeInstanceOf(ConnectionError);
      await either.replay(id);
      expect([door.requests.length, other.requests.length]).toEqual([1, 1]);
    });

    it('comes back when the others do not answer either, after a wait', async () => {
      const patient = new DistributorClient({
        baseUrl: [door.url, other.url],
        apiKey: tenant.api.key,
        retry: quick,
      });
      door.next('cut');
      other.next('cut');
      await patient.submit(report);
      expect([door.requests.length, other.requests.length]).toEqual([2, 1]);
    });

    it('stays where it is told to come later', async () => {
      door.next({ status: 429, headers: { 'retry-after': '0' }, body: envelope('RATE_LIMIT_EXCEEDED') });
      await either.submit(report);
      expect([door.requests.length, other.requests.length]).toEqual([2, 0]);
    });
  });

  describe('does not repeat', () => {
    it('a replay whose answer was lost: it may have been done', async () => {
      const { distribution_id: id } = await client.submit(report);
      await client.waitFor(id);
      door.next('lose_answer');
      await expect(client.replay(id, { only_failed: false })).rejects.toBeInstanceOf(ConnectionError);
      expect(door.requests.length).toBe(1);
    });

    it('what the service refuses, and hands its words over', async () => {
      const refused = client.submit({ ...report, destinations: ['nowhere'] });
      await expect(refused).rejects.toMatchObject({
        name: 'ApiError',
        code: 'VALIDATION_ERROR',
        status: 400,
        details: [{ field: 'destinations[0]', issue: expect.stringContaining('register it') as string }],
        requestId: expect.stringMatching(/.+/) as string,
      });
      expect(door.requests.length).toBe(1);
    });

    it('where it is told to wait longer than it may', async () => {
      door.next({ status: 429, headers: { 'retry-after': '3600' }, body: envelope('RATE_LIMIT_EXCEEDED') });
      await expect(client.submit(report)).rejects.toMatchObject({ code: 'RATE_LIMIT_EXCEEDED', status: 429 });
      expect(door.requests.length).toBe(1);
    });

    it('for ever', async () => {
      const patient = new DistributorClient({
        baseUrl: door.url,
        apiKey: tenant.api.key,
        retry: { ...quick, maxAttempts: 3 },
      });
      door.next('cut', 'cut', 'cut', 'pass');
      await expect(patient.submit(report)).rejects.toMatchObject({
        name: 'ConnectionError',
        timedOut: false,
      });
      expect(door.requests.length).toBe(3);
    });

    it('a redirect, which would carry the key away', async () => {
      door.next({ status: 307, headers: { location: `${world.receiver.url}/elsewhere` } });
      await expect(client.submit(report)).rejects.toMatchObject({ status: 307, code: 'UNKNOWN' });
      expect(world.receiver.at('/elsewhere')).toEqual([]);
    });
  });

  describe('ends in time', () => {
    it('an attempt that takes too long is given up, and the next one tried', async () => {
      door.next('hang');
      await client.submit(report, { timeoutMs: 2000 });
      expect(door.requests.length).toBe(2);
    });

    it('says that it was the time', async () => {
      door.next('hang');
      const once = new DistributorClient({
        baseUrl: door.url,
        apiKey: tenant.api.key,
        timeoutMs: 20,
        retry: { maxAttempts: 1 },
      });
      await expect(once.submit(report)).rejects.toMatchObject({ name: 'ConnectionError', timedOut: true });
    });

    it.each(['the request', 'the pause before the next attempt'])(
      'when the caller aborts %s',
      async (during) => {
        door.next(during === 'the request' ? 'hang' : { status: 503, headers: { 'retry-after': '5' } });
        const controller = new AbortController();
        const reason = new Error('the user went away');
        const submitted = client.submit(report, { signal: controller.signal });
        submitted.catch(() => undefined);
        await eventually({ until: 'the request to come' }, async () => expect(door.requests.length).toBe(1));
        // By then its answer has come too, where it has one.
        await client.listPage({ limit: 1 });
        controller.abort(reason);
        await expect(submitted).rejects.toBe(reason);
      },
    );

    it('before it begins, when the signal is aborted already', async () => {
      const signal = AbortSignal.abort(new Error('too late'));
      await expect(client.submit(report, { signal })).rejects.toThrow('too late');
      expect(door.requests).toEqual([]);
    });
  });

  describe('waits', () => {
    it('until a job is over, and gives its status', async () => {
      const { distribution_id: id } = await client.submit(report);
      const status = await client.waitFor(id);
      expect(status).toMatchObject({
        status: 'completed',
        destinations: [{ name: 'archive', status: 'success' }],
      });
    });

    it('until the deadline, and says what it saw last', async () => {
      const later = { ...report, options: { deliver_at: '2040-01-01T00:00:00Z' } };
      const { distribution_id: id } = await client.submit(later);
      const failure = await client.waitFor(id, { deadlineMs: 300 }).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(WaitTimeoutError);
      expect((failure as WaitTimeoutError).last).toMatchObject({ distribution_id: id, status: 'pending' });
      await client.cancel(id);
    });

    it('until its callback comes, without looking in between', async () => {
      const inbox = new CallbackInbox(tenant.signingSecret);
      const events: string[] = [];
      const own = createServer((request, response) => {
        void request.toArray().then((chunks) => {
          const body = Buffer.concat(chunks as Buffer[]);
          events.push(inbox.receive(request.headers, body).event_type);
          response.writeHead(204).end();
        });
      });
      await new Promise<void>((resolve) => void own.listen(0, '127.0.0.1', resolve));
      const { behaviour, release } = hang();
      const endpoint = world.receiver.on('/slow', behaviour);
      await tenant.api.register('slow', { endpoint });
      try {
        const { distribution_id: id } = await client.submit({
          ...report,
          destinations: ['slow'],
          callback_url: `http://127.0.0.1:${(own.address() as AddressInfo).port}/callback`,
        });
        await world.receiver.received(1, '/slow');
        door.next();
        const never = { pollMs: 600_000, maxPollMs: 600_000, deadlineMs: 600_000 };
        const over = client.waitFor(id, { callbacks: inbox, ...never });
        await client.listPage({ limit: 1 });
        release();
        expect((await over).status).toBe('completed');
        expect(events).toEqual(['distribution.completed']);
        expect(door.requests.filter(({ path }) => path.endsWith('/status'))).toHaveLength(2);
      } finally {
        own.close();
      }
    });

    it('no longer when the caller aborts', async () => {
      const later = { ...report, options: { deliver_at: '2040-01-01T00:00:00Z' } };
      const { distribution_id: id } = await client.submit(later);
      const controller = new AbortController();
      const over = client.waitFor(id, { signal: controller.signal });
      over.catch(() => undefined);
      controller.abort(new Error('enough'));
      await expect(over).rejects.toThrow('enough');
    });
  });

  describe('handles many', () => {
    it('streams in batches, and says of each refused item where it stood in the whole', async () => {
      async function* source(): AsyncGenerator<Submission> {
        for (let total = 0; total < 25; total++) {
          yield {
            ...report,
            data_type: 'stream',
            payload: { total },
            destinations: [total === 17 ? 'nowhere' : 'archive'],
          };
        }
      }
      const receipts = [];
      for await (const receipt of client.submitStream(source(), { batchSize: 10 })) receipts.push(receipt);
      expect(receipts.map(({ total_distributions: total }) => total)).toEqual([10, 10, 5]);
      expect(receipts.flatMap(({ rejected }) => rejected)).toMatchObject([{ index: 17 }]);
      expect(await jobs('stream')).toBe(24);
    });

    it('lists over every page, each job once, the newest first', async () => {
      const ids: string[] = [];
      for await (const job of client.list({ data_type: 'stream', limit: 7 })) ids.push(job.distribution_id);
      expect(new Set(ids).size).toBe(24);
      expect(door.requests.length).toBe(4);
      const [newest] = (await client.listPage({ data_type: 'stream', limit: 1 })).distributions;
      expect(ids[0]).toBe(newest?.distribution_id);
    });

    it('all or nothing', async () => {
      const batch = [report, { ...report, destinations: ['nowhere'] }].map((one) => ({
        ...one,
        data_type: 'none',
      }));
      await expect(client.submitMany(batch, { failFast: true })).rejects.toBeInstanceOf(ApiError);
      expect(await jobs('none')).toBe(0);
    });
  });

  describe('is known', () => {
    it('by a token that is asked for before every attempt', async () => {
      let asked = 0;
      const withToken = new DistributorClient({
        baseUrl: `${door.url}/api/v1/`,
        token: () => `token-${++asked}`,
        retry: quick,
      });
      door.next({ status: 503 });
      await expect(withToken.submit(report)).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' });
      expect(door.requests.map(({ headers }) => headers.authorization)).toEqual([
        'Bearer token-1',
        'Bearer token-2',
      ]);
    });

    it('by a platform key that names the tenant', async () => {
      const platform = new DistributorClient({
        baseUrl: door.url,
        apiKey: world.service.adminKey,
        tenantId: 'upstream',
      });
      expect((await platform.destinations.get('archive')).name).toBe('archive');
    });

    it.each([
      ['no key and no token', { baseUrl: 'https://example.org' }, 'either apiKey or token'],
      ['both', { baseUrl: 'https://example.org', apiKey: 'a', token: 'b' }, 'either apiKey or token'],
      ['no address', { baseUrl: [], apiKey: 'a' }, 'at least one address'],
      ['no URL', { baseUrl: 'example.org', apiKey: 'a' }, 'must be an http or https URL'],
    ])('not with %s', (_what, options, message) => {
      expect(() => new DistributorClient(options)).toThrow(message);
    });
  });
});
