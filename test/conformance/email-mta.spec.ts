import { watch } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import PostalMime, { type Email } from 'postal-mime';
import { type JsonObject } from '../../src/kernel/json';
import { type Sender } from '../../src/adapters/port';
import { createAdapters } from '../../src/adapters/registry';
import { type HelperProcess, startHelper } from '../support/helper-process';
import { temporaryDirectory } from '../support/temporary-directory';
import { makeCertificates } from './certificates';
import { checkDkim, newDkimKey } from './dkim';
import { examplesOf, undocumentedOptions } from './destination-docs';
import { delivery, lenientGuard, RECEIVER_NAME } from './harness';

const certificates = makeCertificates(RECEIVER_NAME);
const dkimKey = newDkimKey();
let folder = '';
let mta: HelperProcess | undefined;
let sender: Sender | undefined;

/** The one configuration of these tests: Exim offers STARTTLS and no login. */
function configuration(): JsonObject {
  return {
    host: RECEIVER_NAME,
    port: Number(new URL(mta?.url ?? '').port),
    security: 'starttls',
    tls: { ca: certificates.ca },
    from: 'Distributor <no-reply@sender.test>',
    to: ['archive@receiver.test', '{payload.second}@receiver.test'],
    subject: 'Named: {payload.name}',
    text: 'Città di {payload.name}',
    attachment: { filename: '{payload.name}.json' },
    dkim: { domain: 'sender.test', selector: 's1', private_key: dkimKey.privatePem },
  };
}

/** Reads the mailbox once it holds `count` messages, oldest first. */
async function mailbox(count: number): Promise<{ mail: Email; raw: Buffer }[]> {
  const inbox = join(new URL(mta?.url ?? '').pathname, 'new');
  const files = await new Promise<string[]>((resolve, reject) => {
    const look = (): void => {
      readdir(inbox).then((names) => {
        if (names.length < count) return;
        watcher.close();
        resolve(names.sort());
      }, reject);
    };
    const watcher = watch(inbox, look);
    look();
  });
  return Promise.all(
    files.map(async (name) => {
      const raw = await readFile(join(inbox, name));
      return { raw, mail: await PostalMime.parse(raw) };
    }),
  );
}

beforeAll(async () => {
  folder = await temporaryDirectory('mta-certificates');
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  await writeFile(cert, certificates.server.cert);
  await writeFile(key, certificates.server.key);
  mta = await startHelper('exim-service.ts', cert, key);
  const adapter = createAdapters({ guard: lenientGuard(), version: '1' }).get('EMAIL');
  sender = adapter?.open(configuration());
});

afterAll(async () => {
  await sender?.close();
  await mta?.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('EMAIL against a mail transfer agent (Exim)', () => {
  it('arrives in the mailbox, a repeat under the same Message-ID, its signature whole', async () => {
    const sent = delivery({
      payload: { name: 'Forlì', second: 'nobody' },
      body: Buffer.alloc(300_000, 'text '),
    });
    const first = await sender?.deliver(sent, AbortSignal.timeout(20_000));
    expect(first).toMatchObject({ kind: 'delivered', response: { statusCode: 250 } });
    expect(first?.log[0]?.message).toContain('1 of 2 recipients accepted');
    expect(first?.log[0]?.message).toContain('no such user here');
    await sender?.deliver({ ...sent, attemptNumber: 2 }, AbortSignal.timeout(20_000));
    const arrived = await mailbox(2);
    for (const { mail, raw } of arrived) {
      expect(mail.messageId).toBe(`<${sent.deliveryId}@sender.test>`);
      expect(mail.subject).toBe('Named: Forlì');
      expect(mail.text?.trim()).toBe('Città di Forlì');
      expect(mail.attachments[0]?.filename).toBe('Forlì.json');
      expect(Buffer.from(mail.attachments[0]?.content as ArrayBuffer).equals(sent.body)).toBe(true);
      // A maildir holds the lines of Unix.
      expect(
        checkDkim(Buffer.from(raw.toString('binary').replace(/\r?\n/g, '\r\n'), 'binary'), dkimKey.publicPem),
      ).toMatchObject({
        valid: true,
      });
      expect(mail.headers.find(({ key }) => key === 'received')?.value).toMatch(
        /by receiver\.test with esmtps/,
      );
    }
  });

  it('takes the example of docs/destinations, whose page mentions every option', async () => {
    const [example = {}, oauth2] = examplesOf('EMAIL');
    // This server has no accounts.
    delete example['credentials'];
    const adapter = createAdapters({ guard: lenientGuard(), version: '1' }).get('EMAIL');
    expect(adapter?.parse(oauth2).ok).toBe(true);
    const { host, port, tls } = configuration();
    const to = ['archive@receiver.test'];
    const parsed = adapter?.parse({ ...example, host, port, tls, to });
    const payload = { number: 12, office: 'x', articles: [{ title: 'Primo' }, { title: 'Secondo' }] };
    const other = parsed?.ok === true ? adapter?.open(parsed.value) : undefined;
    const outcome = await other?.deliver(
      delivery({ payload, contentType: 'application/json' }),
      AbortSignal.timeout(20_000),
    );
    expect(outcome).toMatchObject({ kind: 'delivered' });
    await other?.close();
    const arrived = (await mailbox(3)).find(({ mail }) => mail.subject === 'Ordinance 12')?.mail;
    expect(arrived?.attachments[0]?.filename).toBe('ordinance-12.csv');
    expect(Buffer.from(arrived?.attachments[0]?.content as ArrayBuffer).toString()).toBe(
      'title\r\nPrimo\r\nSecondo\r\n',
    );
    expect(undocumentedOptions('EMAIL')).toEqual([]);
  });

  it('is refused when it knows none of the recipients', async () => {
    const adapter = createAdapters({ guard: lenientGuard(), version: '1' }).get('EMAIL');
    const other = adapter?.open({ ...configuration(), to: 'nobody@receiver.test' });
    const outcome = await other?.deliver(delivery(), AbortSignal.timeout(20_000));
    expect(outcome).toMatchObject({
      kind: 'refused',
      code: 'RECEIVER_REFUSED',
      response: { statusCode: 550 },
    });
    expect(await other?.checkHealth(AbortSignal.timeout(20_000))).toMatchObject({ status: 'healthy' });
    await other?.close();
  });
});
