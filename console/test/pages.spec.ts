import { type AxeResults, source } from 'axe-core';
import { type Browser } from 'playwright-core';
import { type TestTenant } from '../../test/support/api';
import { eventually } from '../../test/support/eventually';
import { refuse } from '../../test/support/receiver';
import { World } from '../../test/support/world';
import { startBrowser, Visitor } from './visitor';

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true };

const PAGES = [
  '/',
  '/distributions',
  '/distributions/lost',
  '/dead-letters',
  '/destinations',
  '/destinations/new',
  '/destinations/refuses',
  '/rules',
  '/rules/new',
  '/rules/explain',
  '/audit',
  '/none',
];

let world: World;
let browser: Browser;
let tenant: TestTenant;

beforeAll(async () => {
  [world, browser] = await Promise.all([World.create(), startBrowser()]);
  tenant = await world.tenant('comune-pisa');
  await tenant.api.register('refuses', { endpoint: world.receiver.on('/refuses', refuse(422)) });
  const actions = { destinations: ['refuses'] };
  await tenant.api.json('POST', '/api/v1/rules', { name: 'all', rule_type: 'routing', actions });
  await tenant.api.accepted({ distribution_id: 'lost', callback_url: `${world.receiver.url}/told` });
  await eventually({ until: 'the job to fail' }, async () => {
    expect((await tenant.api.status('lost')).body.status).toBe('failed');
  });
});

afterAll(async () => {
  await browser?.close();
  await world?.dispose();
});

async function faultsOf({ page }: Visitor): Promise<string[]> {
  await page.waitForLoadState('networkidle');
  await page.evaluate(source);
  const options = JSON.stringify({ runOnly: { type: 'tag', values: RULES } });
  const { violations } = await page.evaluate<AxeResults>(`axe.run(${options})`);
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html }) => `${page.url()} ${id}: ${html.slice(0, 200)}`),
  );
}

const isWider = ({ page }: Visitor): Promise<boolean> =>
  page.evaluate<boolean>('document.documentElement.scrollWidth > window.innerWidth');

it.each([
  ['a wide light screen', { colorScheme: 'light' as const }],
  ['a dark phone', { colorScheme: 'dark' as const, ...PHONE }],
])(
  'every page keeps the rules of WCAG AA that a program can check, and fits, on %s',
  async (_name, options) => {
    const visitor = await Visitor.arrive(browser, world, options);
    const faults = await faultsOf(visitor);
    await visitor.useKey(tenant.api.key);
    for (const path of PAGES) {
      if (path === '/none') await visitor.page.goto(`${world.service.url}/console${path}`);
      else await visitor.open(path);
      faults.push(...(await faultsOf(visitor)));
      if (await isWider(visitor)) faults.push(`${path} is wider than the screen`);
    }
    expect(faults).toEqual([]);
    expect(visitor.complaints).toEqual([]);
    await visitor.leave();
  },
);

it('speaks Italian to an Italian browser', async () => {
  const visitor = await Visitor.arrive(browser, world, { locale: 'it-IT' });
  await visitor.sees('Accedi', 'heading');
  expect(await visitor.page.locator('html').getAttribute('lang')).toBe('it');
  await visitor.leave();
});

it('asks for less than 220 kB of scripts before somebody can sign in', async () => {
  const visitor = await Visitor.arrive(browser, world);
  const total = await visitor.page.evaluate<number>(`
    performance.getEntriesByType('resource')
      .filter(({ name }) => name.endsWith('.js'))
      .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)`);
  expect(total).toBeGreaterThan(0);
  expect(total).toBeLessThan(220_000);
  await visitor.leave();
});
