import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright-core';
import { type World } from '../../test/support/world';

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

export function startBrowser(): Promise<Browser> {
  if (!existsSync(CHROMIUM)) {
    throw new Error(`${CHROMIUM} is missing: apt-get install chromium, or name another one in CHROMIUM`);
  }
  // Containers run these tests as root, whom Chromium gives no sandbox.
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
}

const ENGLISH = { locale: 'en-GB', viewport: { width: 1280, height: 900 } };
/** The session is asked for before anybody has signed in. */
const EXPECTED = /the server responded with a status of/;

/** Somebody in front of the console, who sees what a page says and what the browser complains about. */
export class Visitor {
  private constructor(
    readonly page: Page,
    private readonly url: string,
    /** Scripts that failed and whatever the content security policy refused. */
    readonly complaints: string[],
  ) {}

  static async arrive(
    browser: Browser,
    { service }: World,
    options: BrowserContextOptions = {},
  ): Promise<Visitor> {
    const context = await browser.newContext({ ...ENGLISH, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error' && !EXPECTED.test(message.text())) complaints.push(message.text());
    });
    const visitor = new Visitor(page, `${service.url}/console`, complaints);
    await visitor.open('/');
    return visitor;
  }

  async open(path: string): Promise<void> {
    await this.page.goto(this.url + path);
    await this.page.getByRole('heading', { level: 1 }).waitFor();
  }

  async useKey(key: string): Promise<void> {
    await this.press('Use an API key');
    await this.type('API key', key);
    await this.press('Use this key');
    await this.sees('Overview', 'heading');
  }

  async press(name: string, within: Page | Locator = this.page): Promise<void> {
    await within.getByRole('button', { name, exact: true }).click();
  }

  async follow(name: string): Promise<void> {
    await this.page.getByRole('link', { name, exact: true }).first().click();
  }

  async type(label: string, words: string): Promise<void> {
    await this.page.getByRole('textbox', { name: label }).first().fill(words);
  }

  async sees(words: string | RegExp, role?: 'heading' | 'alert' | 'link'): Promise<void> {
    const found =
      role === undefined ? this.page.getByText(words) : this.page.getByRole(role, { name: words });
    await found.first().waitFor();
  }

  dialog(): Locator {
    return this.page.getByRole('dialog');
  }

  region(name: string): Locator {
    return this.page.getByRole('region', { name, exact: true });
  }

  leave(): Promise<void> {
    return this.page.context().close();
  }
}
