import { type Browser } from 'playwright-core';
import { must, type TestTenant } from '../../test/support/api';
import { eventually } from '../../test/support/eventually';
import { failTimes, ok, refuse } from '../../test/support/receiver';
import { World } from '../../test/support/world';
import { startBrowser, Visitor } from './visitor';

const PASSWORD = 'correct horse battery';

let world: World;
let browser: Browser;
let tenant: TestTenant;
let visitor: Visitor;

beforeAll(async () => {
  [world, browser] = await Promise.all([World.create(), startBrowser()]);
  tenant = await world.tenant('comune-pisa');
});

afterAll(async () => {
  await browser?.close();
  await world?.dispose();
});

beforeEach(async () => {
  visitor = await Visitor.arrive(browser, world);
});

afterEach(async () => {
  expect(visitor.complaints).toEqual([]);
  await visitor.leave();
});

describe('signing in', () => {
  const user = { username: 'anna', password: PASSWORD, role: 'viewer' };

  beforeAll(async () => {
    must(await tenant.api.json('POST', '/api/v1/users', user), 201);
  });

  const signIn = async (password: string): Promise<void> => {
    await visitor.type('Tenant', tenant.id);
    await visitor.type('User name or e-mail', user.username);
    await visitor.type('Password', password);
    await visitor.press('Sign in');
  };

  it('with a password shows who one is, holds over a reload and ends with signing out', async () => {
    await signIn(PASSWORD);
    await visitor.sees('Overview', 'heading');
    await visitor.page.reload();
    await visitor.sees('Overview', 'heading');
    await visitor.page.getByRole('button', { name: /comune-pisa · anna/ }).click();
    await visitor.page.getByRole('menuitem', { name: 'Sign out' }).click();
    await visitor.sees('Sign in', 'heading');
    await visitor.page.reload();
    await visitor.sees('Sign in', 'heading');
  });

  it('with a wrong password says what the service says', async () => {
    await signIn('something else entirely');
    await visitor.sees('AUTHENTICATION_FAILED');
    await visitor.sees(/^Request /);
  });

  it('as a viewer shows no button for what one may not do', async () => {
    await signIn(PASSWORD);
    await visitor.follow('Dead letters');
    await visitor.sees('There are no dead letters.');
    expect(await visitor.page.getByRole('button', { name: 'Redrive' }).count()).toBe(0);
  });

  it('as the platform asks for the tenant to look at', async () => {
    await visitor.press('Use an API key');
    await visitor.type('API key', world.service.adminKey);
    await visitor.press('Use this key');
    await visitor.sees('Which tenant do you want to look at?', 'heading');
    await visitor.type('Tenant', tenant.id);
    await visitor.press('Open');
    await visitor.sees('Overview', 'heading');
  });
});

describe('a key that is revoked', () => {
  it('leads back to signing in', async () => {
    const { id, key } = await tenant.api.createKey('for a while', ['distribution:read', 'config:read']);
    await visitor.useKey(String(key));
    must(await tenant.api.send('DELETE', `/api/v1/api-keys/${String(id)}`), 200);
    await visitor.sees('Sign in', 'heading');
  });
});

describe('with a key', () => {
  beforeEach(() => visitor.useKey(tenant.api.key));

  it('a job is shown with its attempts, their outcomes and responses', async () => {
    const retry_policy = { initial_delay_seconds: 0.1 };
    await tenant.api.register('slow-start', {
      endpoint: world.receiver.on('/slow-start', failTimes(1)),
      retry_policy,
    });
    const id = await tenant.api.accepted({ distribution_id: 'told-twice', destinations: ['slow-start'] });
    await eventually({ until: 'the job to end' }, async () => {
      expect((await tenant.api.status(id)).body.status).toBe('completed');
    });
    await visitor.follow('Distributions');
    await visitor.follow(id);
    const delivery = visitor.region('slow-start');
    await delivery
      .getByRole('img', { name: 'Timeline of slow-start: 2 attempts, told in the list below' })
      .waitFor();
    await delivery.locator('summary', { hasText: 'Attempt 1' }).click();
    await delivery.getByText(/503 · RECEIVER_UNAVAILABLE/).waitFor();
    await delivery.locator('.state', { hasText: 'Will be retried' }).waitFor();
    await delivery.locator('summary', { hasText: 'Attempt 2' }).waitFor();
    await visitor.sees('The submitter asked for no callback.');
  });

  it('a job that waits is cancelled after a question', async () => {
    await tenant.api.register('later', { endpoint: world.receiver.on('/later', ok) });
    const id = await tenant.api.accepted({
      destinations: ['later'],
      options: { deliver_at: '2090-01-01T00:00:00Z' },
    });
    await visitor.open(`/distributions/${id}`);
    await visitor.press('Cancel the job');
    await visitor.press('Cancel the job', visitor.dialog());
    await visitor.sees('Cancelled');
    expect((await tenant.api.status(id)).body.status).toBe('cancelled');
  });

  it('a destination is registered by a form, with its secret sent and never shown', async () => {
    await visitor.open('/destinations/new');
    await visitor.page.getByRole('textbox', { name: 'Name' }).first().fill('register');
    await visitor.page.getByRole('textbox', { name: 'endpoint' }).first().fill('no address');
    await visitor.page.getByText('Further settings').first().click();
    await visitor.page.getByLabel('auth').first().selectOption('bearer');
    await visitor.type('token', 'a-token-of-the-receiver');
    await visitor.press('Save');
    await visitor.sees('VALIDATION_ERROR');
    await visitor.sees('configuration.endpoint');
    const endpoint = world.receiver.on('/register', ok);
    await visitor.page.getByRole('textbox', { name: 'endpoint' }).first().fill(endpoint);
    await visitor.press('Save');
    await visitor.sees('register', 'heading');
    await visitor.page.getByRole('tab', { name: 'Configuration' }).click();
    await visitor.page.getByPlaceholder('Kept as it is. Type to replace it; it is never shown.').waitFor();
    expect(await visitor.page.content()).not.toContain('a-token-of-the-receiver');
    await visitor.type('Description', 'the regional register');
    await visitor.press('Save');
    await visitor.sees('Saved.');
    const id = await tenant.api.accepted({ destinations: ['register'] });
    const [receipt] = await world.receiver.received(1, '/register');
    expect(receipt?.headers.authorization).toBe('Bearer a-token-of-the-receiver');
    expect(receipt?.distributionId).toBe(id);
  });

  it('a destination is tested, paused and resumed', async () => {
    await tenant.api.register('tested', { endpoint: world.receiver.on('/tested', ok) });
    await visitor.open('/destinations/tested');
    await visitor.press('Test the connection');
    await visitor.sees('It works');
    await visitor.press('Pause');
    await visitor.press('Pause', visitor.dialog());
    await visitor.sees('Paused');
    await visitor.press('Resume');
    await visitor.press('Resume', visitor.dialog());
    await visitor.sees('Active');
  });

  it('a destination that does not answer fails its test with a reason', async () => {
    await tenant.api.register('gone', { endpoint: 'http://127.0.0.1:1/' });
    await visitor.open('/destinations/gone');
    await visitor.press('Test the connection');
    await visitor.sees('DESTINATION_UNAVAILABLE');
    await visitor.sees(/ECONNREFUSED/);
  });

  it('a rule is made, its faults shown by field, and explained on a job', async () => {
    await tenant.api.register('archive', { endpoint: world.receiver.on('/archive', ok) });
    await visitor.open('/rules/new');
    await visitor.type('Name', 'big reports to the archive');
    await visitor.type('Conditions', '{"payload": {"total": [{"numeric": ["~", 1]}]}}');
    await visitor.press('Save');
    await visitor.sees(/^conditions\.payload\.total/);
    await visitor.type('Conditions', '{"payload": {"total": [{"numeric": [">", 100]}]}}');
    await visitor.press('Save');
    await visitor.sees('big reports to the archive', 'link');
    await visitor.follow('Explain');
    await visitor.type('Submission', '{"data_type": "report", "payload": {"total": 7}}');
    await visitor.press('Explain it');
    await visitor.sees('No rule would find a destination');
    await visitor.sees('Does not match');
    await visitor.type('Submission', '{"data_type": "report", "payload": {"total": 700}}');
    await visitor.press('Explain it');
    await visitor.sees('It would be delivered');
    await visitor.sees('Applied');
  });

  it('a dead letter is inspected and sent again', async () => {
    const endpoint = world.receiver.on('/closed', refuse(422));
    await tenant.api.register('closed', { endpoint });
    const id = await tenant.api.accepted({ destinations: ['closed'], payload: { total: 4711 } });
    await visitor.follow('Dead letters');
    await visitor.press('Inspect');
    await visitor.dialog().getByText('4711').waitFor();
    await visitor.press('Close', visitor.dialog());
    world.receiver.on('/closed', ok);
    await visitor.page.getByRole('checkbox', { name: `Select the delivery of ${id}` }).check();
    await visitor.press('Redrive');
    await visitor.press('Redrive', visitor.dialog());
    await visitor.sees('Done: 1 delivery.');
    await world.receiver.received(2, '/closed');
    await visitor.sees('There are no dead letters.');
  });
});
