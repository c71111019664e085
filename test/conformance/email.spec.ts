import { gzipSync } from 'node:zlib';
import { type JsonObject } from '../../src/kernel/json';
import { type Delivery, type Outcome } from '../../src/adapters/port';
import { checkDkim, newDkimKey } from './dkim';
import { ACCESS_TOKEN, type EmailArrival, EmailHarness, PASSWORD, smtpError } from './email-harness';
import { delivery, lenientGuard, RECEIVER_NAME, strictGuard } from './harness';
import { LineServer } from './line-server';
import { openerOf, patient } from './opener';
import { describeConformance } from './suite';
import { TokenServer } from './token-server';

describeConformance(new EmailHarness());

const harness = new EmailHarness();
const open = openerOf('EMAIL');

/** The outcome of one delivery, and what arrived. */
async function send(
  more: JsonObject,
  changes: Partial<Delivery> = {},
): Promise<[Outcome, EmailArrival | undefined]> {
  const outcome = await open(harness.with(more)).deliver(delivery(changes), patient());
  return [outcome, (await harness.arrivals()).at(-1)];
}

const headerOf = (arrival: EmailArrival | undefined, name: string): string | undefined =>
  arrival?.mail.headers.find(({ key }) => key === name)?.value;

/** The configuration without some fields. */
function without(configuration: JsonObject, ...names: string[]): JsonObject {
  return Object.fromEntries(Object.entries(configuration).filter(([name]) => !names.includes(name)));
}

beforeAll(() => harness.start());
afterAll(() => harness.stop());
beforeEach(async () => {
  harness.behave('accept');
  await harness.arrivals();
});

describe('EMAIL: the message', () => {
  it('goes to all recipients, of whom nobody sees the hidden ones, and names its delivery', async () => {
    const sent = delivery({ attemptNumber: 2, payload: { name: 'Città', office: 'protocollo' } });
    const configuration = harness.with({
      from: 'Comune di {payload.name} <no-reply@sender.test>',
      to: ['{payload.office}@receiver.test', '"Archive, second" <two@receiver.test>'],
      cc: 'copy@receiver.test',
      bcc: ['hidden@receiver.test'],
      reply_to: 'answers@sender.test',
      headers: { 'X-Office': '{payload.office}', 'List-Id': '<{data_type}.sender.test>' },
    });
    expect((await open(configuration).deliver(sent, patient())).kind).toBe('delivered');
    const [arrived] = await harness.arrivals();
    expect(arrived?.mail).toMatchObject({
      from: { name: 'Comune di Città', address: 'no-reply@sender.test' },
      to: [
        { name: '', address: 'protocollo@receiver.test' },
        { name: 'Archive, second', address: 'two@receiver.test' },
      ],
      cc: [{ address: 'copy@receiver.test' }],
      replyTo: [{ address: 'answers@sender.test' }],
      subject: 'Named: Città',
      messageId: `<${sent.deliveryId}@sender.test>`,
    });
    expect(arrived?.envelope).toEqual({
      from: 'no-reply@sender.test',
      to: ['protocollo@receiver.test', 'two@receiver.test', 'copy@receiver.test', 'hidden@receiver.test'],
    });
    expect(arrived?.raw.toString()).not.toContain('hidden@');
    for (const [name, value] of [
      ['x-tenant-id', 'comune-roma'],
      ['x-correlation-id', 'corr-1'],
      ['x-distribution-id', 'dist-2026-1'],
      ['x-distribution-attempt', '2'],
      ['auto-submitted', 'auto-generated'],
      ['x-office', 'protocollo'],
      ['list-id', '<ordinance.sender.test>'],
    ] as const)
      expect([name, headerOf(arrived, name)]).toEqual([name, value]);
  });

  it.each([
    ['to', 'a@receiver.test, b@receiver.test'],
    ['to', 'a@receiver.test> <b@receiver.test'],
    ['cc', 'a@receiver.test\r\nBcc: b@receiver.test'],
    ['from', 'x" <b@receiver.test> "'],
    ['reply_to', 'nobody'],
    ['subject', 'x\r\nBcc: b@receiver.test'],
    ['subject', 'x\nBcc: b@receiver.test'],
    ['headers', 'x\r\n\r\nbody'],
  ])('is refused when a value would make more of %s than one: %j', async (field, name) => {
    const value = '{payload.name}';
    const [outcome, arrived] = await send(
      { subject: 'plain', [field]: field === 'headers' ? { 'X-A': value } : value },
      { payload: { name } },
    );
    expect(outcome).toMatchObject({ kind: 'refused', code: 'CONFIGURATION_INVALID', bytesSent: 0 });
    expect(arrived).toBeUndefined();
  });

  it('has the job as its text when nothing else is configured', async () => {
    const bare = without(harness.good(), 'text', 'attachment');
    const body = gzipSync('{"a":1}');
    const outcome = await open(bare).deliver(delivery({ body, contentEncoding: 'gzip' }), patient());
    expect(outcome.kind).toBe('delivered');
    const [arrived] = await harness.arrivals();
    expect(arrived?.mail.text?.trim()).toBe('{"a":1}');
    expect(arrived?.mail.attachments).toEqual([]);
  });

  it('escapes what a job puts into its HTML', async () => {
    const html = '<style>p {{ color: red }}</style><p title="{payload.name}">{payload.name}</p>';
    const [, arrived] = await send({ html }, { payload: { name: '"><script>&' } });
    expect(arrived?.mail.html?.trim()).toBe(
      '<style>p { color: red }</style><p title="&#34;&#62;&#60;script&#62;&#38;">&#34;&#62;&#60;script&#62;&#38;</p>',
    );
  });
});

describe('EMAIL: the attachment', () => {
  const payload = {
    name: 'x',
    rows: [
      { id: 1, text: 'a,"b"\n' },
      { id: 2, 'odd name': { deep: [true, null] } },
    ],
  };

  it.each([
    ['as_is', 'ordinance-dist-2026-1.json', 'application/json', JSON.stringify(payload)],
    ['json', 'ordinance-dist-2026-1.json', 'application/json', JSON.stringify(payload)],
    [
      'csv',
      'ordinance-dist-2026-1.csv',
      'text/csv',
      'id,text,odd name\r\n1,"a,""b""\n",\r\n2,,"{""deep"":[true,null]}"\r\n',
    ],
    [
      'xml',
      'ordinance-dist-2026-1.xml',
      'application/xml',
      '<?xml version="1.0" encoding="UTF-8"?>\n<payload><name>x</name><rows><id>1</id><text>a,&#34;b&#34;\n</text></rows><rows><id>2</id><field name="odd name"><deep>true</deep><deep></deep></field></rows></payload>\n',
    ],
  ])('is %s', async (format, filename, mimeType, text) => {
    const [, arrived] = await send({ attachment: { format, rows: 'rows' } }, { payload });
    const [attached] = arrived?.mail.attachments ?? [];
    expect(attached).toMatchObject({ filename, mimeType, disposition: 'attachment' });
    expect(Buffer.from(attached?.content as ArrayBuffer).toString()).toBe(text);
  });

  it('is the job as it came where that has the format already', async () => {
    const body = Buffer.from('a;b\n1;2\n');
    const [, arrived] = await send({ attachment: { format: 'csv' } }, { body, contentType: 'text/csv' });
    expect(Buffer.from(arrived?.mail.attachments[0]?.content as ArrayBuffer)).toEqual(body);
  });

  it('has a name without folders, whatever the job says', async () => {
    const more = { subject: 'plain', attachment: { filename: '{payload.name}.json' } };
    const [, arrived] = await send(more, { payload: { name: '../città "x"\r\n' } });
    expect(arrived?.mail.attachments[0]?.filename).toBe('..%2Fcittà %22x%22%0D%0A.json');
    const [outcome] = await send(more, { payload: { name: 'x'.repeat(300) } });
    expect(outcome).toMatchObject({ kind: 'refused', code: 'CONFIGURATION_INVALID' });
  });
});

describe('EMAIL: encryption and login', () => {
  it('is by STARTTLS, which is required and not done without', async () => {
    const [outcome, arrived] = await send({ port: harness.ports.starttls, security: 'starttls' });
    expect(outcome.kind).toBe('delivered');
    expect(arrived).toMatchObject({ secure: true, user: 'distributor@sender.test' });
    const [refused] = await send({ port: harness.ports.none, security: 'starttls' });
    expect(refused).toMatchObject({ kind: 'retry', code: 'TLS_FAILED' });
    const [strange] = await send({ port: harness.ports.starttls, security: 'starttls', tls: {} });
    expect(strange).toMatchObject({ kind: 'retry', code: 'TLS_FAILED' });
  });

  it('is done without where that was asked for', async () => {
    const open_ = without(
      harness.with({ port: harness.ports.none, security: 'opportunistic' }),
      'credentials',
    );
    expect((await open(open_).deliver(delivery(), patient())).kind).toBe('delivered');
    const upgraded = { ...open_, port: harness.ports.starttls };
    // It is upgraded, and there the server asks for a login.
    expect(await open(upgraded).deliver(delivery(), patient())).toMatchObject({
      code: 'AUTHENTICATION_FAILED',
    });
    const clear = { ...open_, security: 'none' };
    expect((await open(clear).deliver(delivery(), patient())).kind).toBe('delivered');
    expect((await harness.arrivals()).map(({ secure }) => secure)).toEqual([false, false]);
  });

  it('never sends the message without the login that was configured', async () => {
    const [outcome, arrived] = await send({ port: harness.ports.none, security: 'none' });
    expect(outcome).toMatchObject({ kind: 'refused', code: 'AUTHENTICATION_FAILED' });
    expect(arrived).toBeUndefined();
  });

  it('asks for a login where the server wants one', async () => {
    const outcome = await open(without(harness.good(), 'credentials')).deliver(delivery(), patient());
    expect(outcome).toMatchObject({ kind: 'refused', code: 'AUTHENTICATION_FAILED' });
  });

  it('expects the name in the certificate that was configured', async () => {
    const { ca, client } = harness.certificates;
    const tls = { ca, ...client };
    expect((await send({ host: '127.0.0.1', tls }))[0]).toMatchObject({ code: 'TLS_FAILED' });
    const [outcome] = await send({ host: '127.0.0.1', tls: { ...tls, server_name: RECEIVER_NAME } });
    expect(outcome.kind).toBe('delivered');
  });

  it('takes an access token in place of a password', async () => {
    const username = 'distributor@sender.test';
    const [outcome] = await send({ credentials: { username, access_token: ACCESS_TOKEN } });
    expect(outcome.kind).toBe('delivered');
    const [refused] = await send({ credentials: { username, access_token: 'old-token-of-nobody' } });
    expect(refused).toMatchObject({ kind: 'refused', code: 'AUTHENTICATION_FAILED' });
    expect(JSON.stringify(refused)).not.toContain('old-token-of-nobody');
  });

  it.each([
    ['a challenge', true],
    ['a refusal', false],
  ])(
    'fetches access tokens through the guard, once for all, and again after %s',
    async (_how, challenges) => {
      harness.challenges = challenges;
      const server = await TokenServer.start();
      try {
        const oauth2 = {
          token_url: server.url,
          client_id: 'c',
          client_secret: 'client-secret-5512',
          refresh_token: 'r',
        };
        const configuration = harness.with({ credentials: { username: 'distributor@sender.test', oauth2 } });
        let now = Date.now();
        const sender = open(configuration, lenientGuard(), () => now);
        const many = (): Promise<Outcome[]> =>
          Promise.all(Array.from({ length: 10 }, () => sender.deliver(delivery(), patient())));
        server.tokens = ['first-token', ACCESS_TOKEN];
        harness.accessTokens.add('first-token');
        expect(new Set((await many()).map(({ kind }) => kind))).toEqual(new Set(['delivered']));
        expect(server.requests.length).toBe(1);
        harness.accessTokens.delete('first-token');
        harness.drop();
        now += 60_000;
        expect(new Set((await many()).map(({ kind }) => kind))).toEqual(new Set(['delivered']));
        expect(server.requests.length).toBe(2);
        expect(server.requests[0]).toMatchObject({
          grant_type: 'refresh_token',
          refresh_token: 'r',
          client_id: 'c',
        });
        server.tokens = [];
        const refused = await open(configuration).deliver(delivery(), patient());
        expect(refused).toMatchObject({ kind: 'refused', code: 'AUTHENTICATION_FAILED' });
        expect(JSON.stringify(refused)).not.toContain('client-secret-5512');
      } finally {
        await server.stop();
      }
      const inside = { token_url: 'http://inside.test/', client_id: 'c', client_secret: 's' };
      const sender = open(harness.with({ credentials: { username: 'a', oauth2: inside } }), strictGuard());
      expect((await sender.deliver(delivery(), patient())).kind).toBe('refused');
    },
  );
});

describe('EMAIL: what the server says', () => {
  it('is kept without the secrets in it', async () => {
    harness.answerBy(() => ({
      code: 250,
      text: `queued as 7F3A; ${Buffer.from(PASSWORD).toString('base64')}`,
    }));
    const [outcome] = await send({});
    expect(outcome.response).toEqual({ statusCode: 250, body: '250 queued as 7F3A; [secret]' });
  });

  it.each([
    [421, 'retry', 'RECEIVER_UNAVAILABLE'],
    [451, 'retry', 'RECEIVER_UNAVAILABLE'],
    [452, 'retry', 'RECEIVER_UNAVAILABLE'],
    [503, 'retry', 'RECEIVER_UNAVAILABLE'],
    [530, 'refused', 'AUTHENTICATION_FAILED'],
    [550, 'refused', 'RECEIVER_REFUSED'],
    [552, 'refused', 'RECEIVER_REFUSED'],
    [554, 'refused', 'RECEIVER_REFUSED'],
  ])('of %d is %s', async (code, kind, errorCode) => {
    harness.answerBy(() => ({ code, text: 'because' }));
    const [outcome] = await send({});
    expect(outcome).toMatchObject({ kind, code: errorCode, response: { statusCode: code } });
    expect(outcome.response?.body).toContain('because');
  });

  it('of some recipients does not stop the message to the others, and is told', async () => {
    harness.recipient = (address) =>
      address.startsWith('bad') ? smtpError(550, 'no such user here') : undefined;
    const [outcome, arrived] = await send({ to: ['good@receiver.test', 'bad@receiver.test'] });
    expect(outcome).toMatchObject({ kind: 'delivered', response: { statusCode: 250 } });
    expect(outcome.response?.body).toContain('no such user here');
    expect(outcome.log).toEqual([
      { level: 'warn', message: expect.stringContaining('1 of 2 recipients accepted') as string },
    ]);
    expect(arrived?.envelope.to).toEqual(['good@receiver.test']);
  });

  it('of all recipients decides: one that may be accepted later makes it worth another attempt', async () => {
    harness.recipient = () => smtpError(550, 'no such user here');
    const to = ['a@receiver.test', 'b@receiver.test'];
    expect((await send({ to }))[0]).toMatchObject({ kind: 'refused', code: 'RECEIVER_REFUSED' });
    harness.recipient = (address) => smtpError(address.startsWith('a') ? 450 : 550, 'not for this one');
    expect((await send({ to }))[0]).toMatchObject({ kind: 'retry', code: 'RECEIVER_UNAVAILABLE' });
  });

  it('in its greeting decides too', async () => {
    const greet = async (greeting: string): Promise<Outcome> => {
      const server = await LineServer.start(greeting, 'ends');
      const clear = without(harness.with({ port: server.port, security: 'none' }), 'credentials');
      const outcome = await open(clear).deliver(delivery(), patient());
      await server.stop();
      return outcome;
    };
    expect(await greet('554 no service\r\n')).toMatchObject({ kind: 'refused', code: 'RECEIVER_REFUSED' });
    expect(await greet('421 too busy\r\n')).toMatchObject({ kind: 'retry', code: 'RECEIVER_UNAVAILABLE' });
    expect(await greet('HTTP/1.1 400 Bad Request\r\n')).toMatchObject({
      kind: 'retry',
      code: 'RECEIVER_UNAVAILABLE',
    });
  });
});

describe('EMAIL: connections', () => {
  it('are kept, and no more of them than configured', async () => {
    const before = harness.connections();
    const sender = open(harness.with({ max_connections: 2 }));
    await Promise.all(Array.from({ length: 20 }, () => sender.deliver(delivery(), patient())));
    await sender.deliver(delivery(), patient());
    expect(harness.connections()).toBe(before + 2);
  });

  it('are replaced within the attempt when the server has closed one before anything was sent', async () => {
    const sender = open(harness.with({ max_connections: 1 }));
    const [small, large] = [delivery(), delivery({ body: Buffer.alloc(200_000, 'x') })];
    expect((await sender.deliver(small, patient())).kind).toBe('delivered');
    let dropped = 0;
    harness.recipient = () => {
      if (dropped++ === 0) harness.drop();
      return undefined;
    };
    expect((await sender.deliver(large, patient())).kind).toBe('delivered');
    expect((await harness.arrivals()).map(({ bytes }) => bytes)).toEqual([small.body.length, 200_000]);
  });

  it('are not left behind by a health check that was given up', async () => {
    const server = await LineServer.start('220 hello\r\n', 'stays');
    const sender = open(without(harness.with({ port: server.port, security: 'none' }), 'credentials'));
    expect(await sender.checkHealth(AbortSignal.timeout(200))).toMatchObject({ code: 'TIMEOUT' });
    await server.gone;
    await server.stop();
  });

  it('are not opened with a reference that was not resolved', () => {
    const credentials = { username: 'a', password: { env: 'A' } };
    expect(() => open(harness.with({ credentials }))).toThrow('was not resolved');
  });
});

describe('EMAIL: DKIM', () => {
  it('signs so that a receiver who has the public key can check it', async () => {
    const key = newDkimKey();
    const dkim = { domain: 'sender.test', selector: 's1', private_key: key.privatePem };
    const [outcome, arrived] = await send({ dkim });
    expect(outcome.kind).toBe('delivered');
    const raw = arrived?.raw ?? Buffer.alloc(0);
    expect(checkDkim(raw, key.publicPem)).toMatchObject({ d: 'sender.test', s: 's1', valid: true });
    expect(checkDkim(Buffer.from(raw.toString().replace('See the', 'See no')), key.publicPem).valid).toBe(
      false,
    );
  });
});
