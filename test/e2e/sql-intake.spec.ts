import { accountsOf, expectBalanced } from '../support/accounts';
import { must, type TestTenant } from '../support/api';
import { eventually } from '../support/eventually';
import { type RequestRow, SqlClient } from '../support/sql-client';
import { World } from '../support/world';

let world: World;
let tenant: TestTenant;
let client: SqlClient;

beforeAll(async () => {
  world = await World.create();
  tenant = await world.tenant('erp');
  client = await SqlClient.create(world, 'erp');
  await tenant.api.register('archive', { endpoint: `${world.receiver.url}/archive` });
});

afterAll(async () => {
  await client.dispose();
  await world.dispose();
});

const completed = (id: string): Promise<void> =>
  eventually({ until: `${id} completed` }, async () => {
    expect((await tenant.api.status(id)).body.status).toBe('completed');
  });

const settled = (id: string): Promise<RequestRow[]> =>
  eventually({ until: `the requests of ${id} settled` }, async () => {
    const rows = await client.requests(id);
    expect(rows.map(({ status }) => status)).not.toContain('pending');
    return rows;
  });

const deliveriesOf = (id: string): number =>
  world.receiver.ledger.filter(({ distributionId }) => distributionId === id).length;

describe('a submission by SQL', () => {
  it('becomes a job with the commit of its transaction, as if it had come over HTTP', async () => {
    await client.query('BEGIN');
    await client.submit({ id: 'with-commit', payload: { total: 42 }, destinations: ['archive'] });
    must(await tenant.api.status('with-commit'), 404);
    await client.query('COMMIT');
    await completed('with-commit');
    const [receipt] = world.receiver.ledger.filter(({ distributionId }) => distributionId === 'with-commit');
    expect(JSON.parse(String(receipt?.body))).toEqual({ total: 42 });
    expect(await settled('with-commit')).toMatchObject([{ action: 'submit', status: 'accepted' }]);
    const { body } = must(await tenant.api.events('with-commit'), 200);
    expect(body.events[0]?.actor).toContain('sql:');
  });

  it('leaves nothing when its transaction is rolled back', async () => {
    await client.query('BEGIN');
    await client.submit({ id: 'rolled-back', destinations: ['archive'] });
    await client.query('ROLLBACK');
    await client.submit({ id: 'after-it', destinations: ['archive'] });
    await completed('after-it');
    must(await tenant.api.status('rolled-back'), 404);
    expect(await client.requests('rolled-back')).toEqual([]);
    expect(deliveriesOf('rolled-back')).toBe(0);
  });

  it('notifies with the commit, once for many calls', async () => {
    const heard: (string | undefined)[] = [];
    client.session.on('notification', ({ payload }) => heard.push(payload));
    await client.query('LISTEN distribution_queue');
    await client.query('BEGIN');
    for (const id of ['one', 'two', 'three']) await client.submit({ id: `notify-${id}`, destinations: [] });
    expect(heard).toEqual([]);
    await client.query('COMMIT');
    await settled('notify-three');
    await client.query('UNLISTEN distribution_queue');
    expect(heard.filter((payload) => payload === 'sql_requests')).toHaveLength(1);
  });

  it('with all parameters of the procedure has all of them', async () => {
    const more = {
      p_priority: 'high',
      p_callback_url: `${world.receiver.url}/called-back`,
      p_max_retries: 1,
      p_expires_at: new Date(Date.now() + 3_600_000).toISOString(),
    };
    await client.submit({ id: 'all-parameters', destinations: ['archive'], more });
    await completed('all-parameters');
    await world.receiver.received(1, '/called-back');
    const [job] = await world.rows<Record<string, unknown>>(
      `SELECT priority, max_retries, expires_at FROM distribution_jobs WHERE distribution_id = 'all-parameters'`,
    );
    expect(job).toEqual({ priority: 'high', max_retries: 1, expires_at: new Date(more.p_expires_at) });
  });

  it('gets an id that the client can read where it has none', async () => {
    await client.submit({ destinations: ['archive'], payload: { without: 'id' } });
    const [row] = await client.query<{ distribution_id: string }>(
      'SELECT distribution_id FROM sql_requests ORDER BY requested_at DESC LIMIT 1',
    );
    await completed(String(row?.distribution_id));
  });

  it('made twice is one job; made again with another content it is a conflict that the client can see', async () => {
    await client.submit({ id: 'twice', destinations: ['archive'] });
    await client.submit({ id: 'twice', destinations: ['archive'] });
    await completed('twice');
    await client.submit({ id: 'twice', destinations: ['archive'], payload: { total: 2 } });
    const rows = await settled('twice');
    expect(rows.map(({ status, error_code }) => [status, error_code])).toEqual([
      ['accepted', null],
      ['accepted', null],
      ['rejected', 'CONFLICT'],
    ]);
    expect(rows[2]?.error_details?.[0]?.field).toBe('distribution_id');
    expect(deliveriesOf('twice')).toBe(1);
  });

  it('over HTTP and by SQL with the same content is the same job', async () => {
    const job = { data_type: 'report', payload: { total: 1 }, destinations: ['archive'], priority: 'normal' };
    must(await tenant.api.submit({ ...job, distribution_id: 'both-ways', options: { max_retries: 3 } }), 202);
    await client.submit({ id: 'both-ways', destinations: ['archive'] });
    expect(await settled('both-ways')).toMatchObject([{ status: 'accepted' }]);
    await completed('both-ways');
    expect(deliveriesOf('both-ways')).toBe(1);
  });

  it.each([
    ['an unknown destination', { destinations: ['nowhere'] }, 'destinations[0]'],
    ['no payload', { payload: null }, 'payload'],
    ['a wrong priority', { more: { p_priority: 'urgent' } }, 'priority'],
    ['an expiry in the past', { more: { p_expires_at: '2020-01-01' } }, 'options.expires_at'],
    ['too many retries', { more: { p_max_retries: 99 } }, 'options.max_retries'],
    ['a key that reaches the prototype', { payload: JSON.parse('{"__proto__": 1}') as object }, 'body'],
  ])('with %s is rejected, with the field and the reason', async (_what, call, field) => {
    await client.submit({ id: `rejected-${field}`, ...call });
    const [row] = await settled(`rejected-${field}`);
    expect(row).toMatchObject({ status: 'rejected', error_code: 'VALIDATION_ERROR' });
    expect(row?.error_details?.map((issue) => issue.field)).toContain(field);
    must(await tenant.api.status(`rejected-${field}`), 404);
  });

  it('leaves its content only where the job is', async () => {
    await client.submit({ id: 'content', payload: { secret: 'kept once' }, destinations: [] });
    await settled('content');
    expect(await world.count(`FROM sql_requests WHERE content::text LIKE '%kept once%'`)).toBe(0);
    expect(await world.count(`FROM distribution_jobs WHERE payload::text LIKE '%kept once%'`)).toBe(1);
  });

  it('waits while the limit of its tenant is used up, and is not refused', async () => {
    const slow = await world.tenant('slow');
    await world.rows(
      `UPDATE tenants SET rate_limit_requests = 4, rate_limit_window_seconds = 1, burst_limit = 2 WHERE id = 'slow'`,
    );
    const other = await SqlClient.create(world, 'slow');
    try {
      await other.query('BEGIN');
      for (let n = 0; n < 9; n++) await other.submit({ id: `slow-${n}` });
      await other.query('COMMIT');
      await eventually({ until: 'all accepted', withinMs: 30_000 }, async () => {
        const rows = await other.requests();
        expect(rows.map(({ status }) => status)).toEqual(Array(9).fill('accepted'));
      });
      expect((await slow.api.listAll()).length).toBe(9);
    } finally {
      await other.dispose();
    }
  });

  it('is rejected while its tenant is suspended', async () => {
    await world.tenant('asleep');
    const other = await SqlClient.create(world, 'asleep');
    try {
      await world.rows(`UPDATE tenants SET status = 'suspended' WHERE id = 'asleep'`);
      await other.submit({ id: 'asleep-1' });
      await eventually({ until: 'the rejection' }, async () => {
        expect(await other.requests()).toMatchObject([
          { status: 'rejected', error_code: 'AUTHORIZATION_FAILED' },
        ]);
      });
    } finally {
      await other.dispose();
    }
  });
});

describe('a cancellation by SQL', () => {
  const later = { options: { deliver_at: '2040-01-01T00:00:00Z' }, destinations: ['archive'] };

  it('cancels what waits, with the reason in the audit log', async () => {
    await tenant.api.accepted({ distribution_id: 'waits', ...later });
    await client.cancel('waits');
    expect(await settled('waits')).toMatchObject([{ action: 'cancel', status: 'accepted' }]);
    expect((await tenant.api.status('waits')).body.status).toBe('cancelled');
    const [entry] = await world.rows<{ actor: string; details: { reason?: string } }>(
      `SELECT actor, details FROM audit_log WHERE action = 'cancel' AND resource_id = 'waits'`,
    );
    expect(entry?.details.reason).toBe('not needed any more');
    expect(entry?.actor).toContain('sql:');
  });

  it('of a job submitted just before it, in one transaction, finds it', async () => {
    await world.rows(`UPDATE destinations SET status = 'maintenance' WHERE name = 'archive'`);
    try {
      await client.query('BEGIN');
      await client.submit({ id: 'regretted', destinations: ['archive'] });
      await client.cancel('regretted');
      await client.query('COMMIT');
      expect(await settled('regretted')).toMatchObject([{ status: 'accepted' }, { status: 'accepted' }]);
      expect((await tenant.api.status('regretted')).body.status).toBe('cancelled');
    } finally {
      await world.rows(`UPDATE destinations SET status = 'active' WHERE name = 'archive'`);
    }
  });

  it('of an unknown or a completed job is rejected', async () => {
    await client.cancel('never-there');
    expect(await settled('never-there')).toMatchObject([{ error_code: 'NOT_FOUND' }]);
    await client.submit({ id: 'done', destinations: ['archive'] });
    await completed('done');
    await client.cancel('done');
    expect((await settled('done'))[1]).toMatchObject({ error_code: 'CONFLICT' });
  });

  it.each(['completed', 'failed', 'pending', ''])('cannot set the status "%s"', async (status) => {
    await expect(client.cancel('waits', status)).rejects.toMatchObject({
      code: '22023',
      message: expect.stringContaining('p_new_status: must be cancelled') as string,
    });
  });
});

describe('requests that wait while no process runs', () => {
  it('become jobs at the next start, each once', async () => {
    await world.service.kill();
    for (let n = 0; n < 20; n++) await client.submit({ id: `meanwhile-${n}`, destinations: ['archive'] });
    await world.service.start();
    for (let n = 0; n < 20; n++) await completed(`meanwhile-${n}`);
    expect(
      world.receiver.ledger.filter(({ distributionId }) => distributionId.startsWith('meanwhile-')),
    ).toHaveLength(20);
    expectBalanced(await accountsOf(world, tenant.id));
  });

  it('that were accepted and not settled when the process died are settled, and make no second job', async () => {
    await client.submit({ id: 'unsettled', destinations: ['archive'] });
    await completed('unsettled');
    await settled('unsettled');
    const content = {
      distribution_id: 'unsettled',
      data_type: 'report',
      payload: { total: 1 },
      priority: 'normal',
    };
    await world.rows(
      `UPDATE sql_requests SET status = 'pending', settled_at = NULL, content = $1 WHERE distribution_id = 'unsettled'`,
      [JSON.stringify({ ...content, destinations: ['archive'], options: { max_retries: 3 } })],
    );
    expect(await settled('unsettled')).toMatchObject([{ status: 'accepted' }]);
    expect(deliveriesOf('unsettled')).toBe(1);
  });
});
