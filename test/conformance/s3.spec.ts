import { gzipSync } from 'node:zlib';
import { type JsonObject } from '../../src/kernel/json';
import { type Delivery, type Outcome } from '../../src/adapters/port';
import { createAdapters } from '../../src/adapters/registry';
import { documentedExample, documentedOptions } from './documented';
import { delivery, strictGuard } from './harness';
import { openerOf, patient } from './opener';
import { answerError, S3Harness, type StoredObject } from './s3-harness';
import { describeConformance } from './suite';

describeConformance(new S3Harness());

const harness = new S3Harness();
const open = openerOf('S3');

const send = (more: JsonObject = {}, changes: Partial<Delivery> = {}): Promise<Outcome> =>
  open(harness.plainly(more)).deliver(delivery(changes), patient());

/** The outcome of one delivery by plain HTTP, and the object that it made. */
async function store(more: JsonObject = {}, changes: Partial<Delivery> = {}): Promise<StoredObject> {
  expect(await send(more, changes)).toMatchObject({ kind: 'delivered' });
  return (await harness.arrivals())[0] as StoredObject;
}

beforeAll(() => harness.start());
afterAll(() => harness.stop());
beforeEach(async () => {
  harness.behave('accept');
  await harness.arrivals();
});

describe('S3: the documentation', () => {
  it('has an example that works', async () => {
    const example = documentedExample('s3');
    const adapter = createAdapters({ guard: strictGuard(), version: '1' }).get('S3');
    expect(adapter?.parse(example)).toMatchObject({ ok: true });
    const { endpoint, bucket, credentials } = harness.plainly() as Record<string, JsonObject>;
    const sent = delivery({ payload: { office: 'Roma' } });
    const sender = open({ ...example, endpoint, bucket, credentials } as JsonObject);
    expect(await sender.deliver(sent, patient())).toMatchObject({ kind: 'delivered' });
    expect(await harness.arrivals()).toMatchObject([
      { key: `comune-roma/2026/03/09/${sent.deliveryId}.json`, metadata: { 'x-amz-meta-office': 'Roma' } },
    ]);
  });

  it('names every option', () => {
    const schema = createAdapters({ guard: strictGuard(), version: '1' }).get('S3')?.configurationSchema;
    expect(documentedOptions('s3').sort()).toEqual(Object.keys(schema?.['properties'] ?? {}).sort());
  });
});

describe('S3: the object', () => {
  it('has the name, type, metadata and tags of the configuration', async () => {
    const deliveryId = delivery().deliveryId;
    const answers: JsonObject[] = [];
    harness.answerBy((request, response, next) => {
      answers.push(request.headers as JsonObject);
      next(request, response);
    });
    const object = await store(
      {
        key: '{tenant_id}/{date:yyyy/MM/dd}/{payload.name}.json',
        content_type: 'application/vnd.x+json',
        metadata: { Office: '{payload.name}' },
        tags: { kind: '{data_type}', office: '{payload.name}' },
        storage_class: 'STANDARD_IA',
        encryption: 'aws:kms',
        kms_key_id: 'alias/ordinances',
      },
      { deliveryId, payload: { name: 'a/b città & co' } },
    );
    expect(object).toMatchObject({
      key: 'comune-roma/2026/03/09/a%2Fb città & co.json',
      metadata: {
        'content-type': 'application/vnd.x+json',
        'x-amz-meta-delivery-id': deliveryId,
        'x-amz-meta-office': 'a/b citt%C3%A0 & co',
      },
    });
    expect(answers[0]).toMatchObject({
      'x-amz-tagging': 'kind=ordinance&office=a%2Fb+citt%C3%A0+_+co',
      'x-amz-storage-class': 'STANDARD_IA',
      'x-amz-server-side-encryption': 'aws:kms',
      'x-amz-server-side-encryption-aws-kms-key-id': 'alias/ordinances',
    });
  });

  it('is named after the delivery unless the configuration says otherwise', async () => {
    const { bucket, credentials, endpoint } = harness.plainly() as Record<string, JsonObject>;
    const sender = open({
      bucket,
      region: 'eu-south-1',
      endpoint,
      force_path_style: true,
      credentials,
    } as JsonObject);
    const sent = delivery();
    await sender.deliver(sent, patient());
    expect(await harness.arrivals()).toMatchObject([{ key: sent.deliveryId }]);
  });

  it('names the compression of its body, which stays as it came', async () => {
    const body = gzipSync('{"a":1}');
    const object = await store({}, { body, contentEncoding: 'gzip' });
    expect(object).toMatchObject({ bytes: body.length, metadata: { 'content-encoding': 'gzip' } });
  });

  it('may be empty', async () => {
    expect(await store({}, { body: Buffer.alloc(0) })).toMatchObject({ bytes: 0 });
  });

  it('carries a checksum where the configuration asks for it, and none otherwise', async () => {
    const headers: (string | undefined)[] = [];
    harness.answerBy((request, response) => {
      headers.push(request.headers['x-amz-checksum-crc32'] as string | undefined);
      request.resume();
      response.end();
    });
    await send({ checksums: 'always' });
    await send();
    expect(headers).toEqual([expect.stringMatching(/^[A-Za-z0-9+/]{6}==$/), undefined]);
  });

  it('goes into a bucket named by the job, and nowhere else', async () => {
    const bucket = '{payload.bucket}';
    expect(await store({ bucket }, { payload: { bucket: harness.bucket } })).toBeDefined();
    for (const name of ['evil.example/x', 'a', 'x@evil', '-bad-']) {
      const outcome = await send({ bucket }, { payload: { bucket: name } });
      expect(outcome).toMatchObject({ kind: 'refused', code: 'CONFIGURATION_INVALID', bytesSent: 0 });
    }
  });

  it('is never asked for with an identity of the service', async () => {
    process.env['AWS_ACCESS_KEY_ID'] = 'S3RVER';
    process.env['AWS_SECRET_ACCESS_KEY'] = 'S3RVER';
    process.env['AWS_ENDPOINT_URL_S3'] = 'http://127.0.0.1:1';
    try {
      const { credentials, ...anonymous } = harness.plainly();
      expect(credentials).toBeDefined();
      let authorization: string | undefined = 'none seen';
      harness.answerBy((request, response) => {
        ({ authorization } = request.headers);
        answerError(request, response, 403, 'AccessDenied');
      });
      const outcome = await open(anonymous).deliver(delivery(), patient());
      expect(outcome).toMatchObject({ kind: 'refused', code: 'AUTHENTICATION_FAILED' });
      expect(authorization).toBeUndefined();
    } finally {
      delete process.env['AWS_ACCESS_KEY_ID'];
      delete process.env['AWS_SECRET_ACCESS_KEY'];
      delete process.env['AWS_ENDPOINT_URL_S3'];
    }
  });
});

describe('S3: a body in parts', () => {
  const body = Buffer.alloc(11 * 1024 * 1024, 'part ');
  const inParts = { part_size_bytes: 5_242_880 };
  const uploads = (): string[] =>
    harness.seen.map(({ method, url }) => `${method} ${url.replace(/^.*\?|uploadId=[^&]*/g, '')}`);

  it('is stored whole, under the same metadata', async () => {
    const sent = delivery({ body });
    expect(await open(harness.plainly(inParts)).deliver(sent, patient())).toMatchObject({
      kind: 'delivered',
    });
    expect(harness.seen.filter(({ method }) => method === 'PUT')).toHaveLength(3);
    expect(await harness.arrivals()).toMatchObject([{ id: sent.deliveryId, bytes: body.length }]);
  });

  it('of which one part fails is tried again, and its parts are removed', async () => {
    harness.answerBy((request, response, next) => {
      if ((request.url ?? '').includes('partNumber=2')) answerError(request, response, 500, 'InternalError');
      else if (request.method === 'DELETE') response.writeHead(204).end();
      else next(request, response);
    });
    const outcome = await send(inParts, { body });
    expect(outcome).toMatchObject({ kind: 'retry', code: 'RECEIVER_UNAVAILABLE' });
    expect(uploads().some((line) => line.startsWith('DELETE'))).toBe(true);
    expect(await harness.arrivals()).toEqual([]);
  });

  it('stops with the signal: no part is sent afterwards', async () => {
    const controller = new AbortController();
    harness.answerBy((request, response, next) => {
      if ((request.url ?? '').includes('partNumber=')) controller.abort();
      else if (request.method === 'DELETE') response.writeHead(204).end();
      else next(request, response);
    });
    const sender = open(harness.plainly({ ...inParts, max_in_flight: 1 }));
    const outcome = await sender.deliver(delivery({ body }), controller.signal);
    expect(outcome).toMatchObject({ kind: 'retry', code: 'ABORTED' });
    await sender.close();
    expect(harness.seen.filter(({ method }) => method === 'PUT').length).toBe(1);
  });
});

describe('S3: an object that is there already', () => {
  /** As AWS does and this test server does not: refuses to replace, when asked to. */
  const conditional = (): void => {
    const keys = new Set<string>();
    harness.answerBy((request, response, next) => {
      const key = (request.url ?? '').split('?')[0] ?? '';
      if (request.method === 'PUT' && request.headers['if-none-match'] === '*' && keys.has(key)) {
        return answerError(request, response, 412, 'PreconditionFailed');
      }
      keys.add(key);
      next(request, response);
    });
  };

  it('is replaced by default', async () => {
    await send({ key: 'same' });
    const body = Buffer.from('second');
    expect(await store({ key: 'same' }, { body })).toMatchObject({ bytes: 6 });
  });

  it('counts as delivered when it is of the same delivery or of the same bytes', async () => {
    conditional();
    const sender = open(harness.plainly({ key: 'same', if_none_match: true }));
    const sent = delivery();
    expect(await sender.deliver(sent, patient())).toMatchObject({ kind: 'delivered', log: [] });
    const repeated = await sender.deliver({ ...sent, attemptNumber: 2 }, patient());
    expect(repeated).toMatchObject({ kind: 'delivered', response: { statusCode: 412 } });
    expect(await sender.deliver(delivery({ body: sent.body }), patient())).toMatchObject({
      kind: 'delivered',
    });
    expect(await harness.effects()).toBe(1);
  });

  it('is not touched by another delivery', async () => {
    conditional();
    const sender = open(harness.plainly({ key: 'same', if_none_match: '*' }));
    const first = delivery();
    await sender.deliver(first, patient());
    for (const text of ['other', 'x'.repeat(first.body.length)]) {
      const outcome = await sender.deliver(delivery({ body: Buffer.from(text) }), patient());
      expect(outcome).toMatchObject({ kind: 'refused', code: 'RECEIVER_REFUSED' });
    }
    expect(await harness.arrivals()).toMatchObject([{ id: first.deliveryId }]);
  });
});

describe('S3: the answer', () => {
  it.each([
    [503, 'SlowDown', 'retry', 'RATE_LIMITED'],
    [429, 'TooManyRequests', 'retry', 'RATE_LIMITED'],
    [400, 'Throttling', 'retry', 'RATE_LIMITED'],
    [503, 'ServiceUnavailable', 'retry', 'RECEIVER_UNAVAILABLE'],
    [500, 'InternalError', 'retry', 'RECEIVER_UNAVAILABLE'],
    [400, 'RequestTimeout', 'retry', 'RECEIVER_UNAVAILABLE'],
    [409, 'OperationAborted', 'retry', 'RECEIVER_UNAVAILABLE'],
    [599, 'Strange', 'retry', 'RECEIVER_UNAVAILABLE'],
    [403, 'AccessDenied', 'refused', 'AUTHENTICATION_FAILED'],
    [403, 'InvalidAccessKeyId', 'refused', 'AUTHENTICATION_FAILED'],
    [400, 'ExpiredToken', 'refused', 'AUTHENTICATION_FAILED'],
    [403, 'Strange', 'refused', 'AUTHENTICATION_FAILED'],
    [404, 'NoSuchBucket', 'refused', 'RECEIVER_REFUSED'],
    [412, 'PreconditionFailed', 'refused', 'RECEIVER_REFUSED'],
    [400, 'EntityTooLarge', 'refused', 'RECEIVER_REFUSED'],
    [301, 'PermanentRedirect', 'refused', 'REDIRECT_REFUSED'],
  ])('%i %s is %s %s', async (status, code, kind, meaning) => {
    harness.answerBy((request, response) =>
      answerError(request, response, status, code, { 'retry-after': '17' }),
    );
    const outcome = await send();
    expect(outcome).toMatchObject({ kind, code: meaning, response: { statusCode: status } });
    expect(outcome.response?.body).toContain(code);
    if (outcome.kind === 'retry') expect(outcome.retryAfterSeconds).toBe(17);
    expect(harness.seen.filter(({ method }) => method === 'PUT')).toHaveLength(1);
  });

  it.each([
    [502, '<html>Bad gateway</html>', 'retry', 'RECEIVER_UNAVAILABLE'],
    [503, '', 'retry', 'RECEIVER_UNAVAILABLE'],
    [404, 'not here', 'refused', 'RECEIVER_REFUSED'],
    [401, '{"error": true}', 'refused', 'AUTHENTICATION_FAILED'],
  ])('%i of somebody who does not speak S3 goes by its status', async (status, text, kind, code) => {
    harness.answerBy((request, response) => {
      request.resume();
      response.writeHead(status).end(text);
    });
    expect(await send()).toMatchObject({ kind, code, response: { statusCode: status } });
  });

  it.each([
    [200, 'delivered'],
    [503, 'retry'],
    [400, 'refused'],
  ])('%i without an end is not read to its end', async (status, kind) => {
    const closed: Promise<void>[] = [];
    harness.answerBy((request, response) => {
      request.resume();
      response.writeHead(status);
      const endless = setInterval(() => response.write('x'.repeat(65_536)), 1);
      closed.push(new Promise((resolve) => response.on('close', () => (clearInterval(endless), resolve()))));
    });
    expect(await send()).toMatchObject({ kind, response: { statusCode: status } });
    await Promise.all(closed);
  });

  it('of a bucket that does not exist is a refusal', async () => {
    const bucket = 'there-is-none';
    expect(await send({ bucket })).toMatchObject({ kind: 'refused', code: 'RECEIVER_REFUSED' });
    const health = await open(harness.plainly({ bucket })).checkHealth(patient());
    expect(health).toMatchObject({ status: 'unhealthy', code: 'RECEIVER_REFUSED' });
  });
});

describe('S3: the connection', () => {
  it('is kept and used again', async () => {
    const sender = open(harness.plainly());
    const before = harness.connections();
    for (let i = 0; i < 5; i++) await sender.deliver(delivery(), patient());
    expect(harness.connections() - before).toBeLessThanOrEqual(2);
  });

  it('opens no more than the destination allows', async () => {
    const sender = open(harness.plainly({ max_in_flight: 3 }));
    const before = harness.connections();
    await Promise.all(Array.from({ length: 20 }, () => sender.deliver(delivery(), patient())));
    expect(harness.connections() - before).toBe(3);
  });

  it('is refused by the guard when the bucket is part of the host name, too', async () => {
    const sender = open({ ...harness.plainly(), force_path_style: false });
    // The guard of the tests knows no name but the endpoint's own.
    const outcome = await sender.deliver(delivery(), patient());
    expect(outcome).toMatchObject({ kind: 'retry', code: 'NAME_RESOLUTION_FAILED', bytesSent: 0 });
  });

  it('goes to AWS in the region when no endpoint is given', async () => {
    const { bucket, credentials } = harness.plainly();
    const outcome = await open({
      bucket: bucket as string,
      credentials: credentials as JsonObject,
      region: 'eu-south-1',
    }).deliver(delivery(), patient());
    expect(outcome).toMatchObject({ kind: 'retry', code: 'NAME_RESOLUTION_FAILED' });
    expect(outcome.kind === 'retry' ? outcome.message : '').toContain('s3.eu-south-1.amazonaws.com');
  });
});
