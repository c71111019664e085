import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo } from 'node:net';
import { fetchJwks, Jwks } from './jwks';

let time = 0;
const clock = { now: () => new Date(time) };
const minutes = (count: number): number => count * 60_000;
let first: JWK;
let second: JWK;

beforeAll(async () => {
  const key = async (kid: string): Promise<JWK> => ({
    ...(await exportJWK((await generateKeyPair('ES256')).publicKey)),
    kid,
    alg: 'ES256',
  });
  [first, second] = await Promise.all([key('first'), key('second')]);
});

function serving(): { jwks: Jwks; asked: () => number; faults: unknown[]; answer: (next: unknown) => void } {
  let asked = 0;
  let answer: unknown = { keys: [first] };
  const faults: unknown[] = [];
  const fetchJwks = async (): Promise<unknown> => {
    asked++;
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const jwks = new Jwks(fetchJwks, clock, (error) => faults.push(error));
  return { jwks, asked: () => asked, faults, answer: (next) => (answer = next) };
}

const find = (jwks: Jwks, kid: string): Promise<unknown> =>
  jwks.find({ alg: 'ES256', kid }, { payload: '', signature: '' });

describe('a key set', () => {
  it('is asked for once, by many tokens together, and again when it is ten minutes old', async () => {
    const { jwks, asked } = serving();
    await Promise.all([find(jwks, 'first'), find(jwks, 'first'), find(jwks, 'first')]);
    expect(asked()).toBe(1);
    time += minutes(9);
    await find(jwks, 'first');
    expect(asked()).toBe(1);
    time += minutes(2);
    await find(jwks, 'first');
    expect(asked()).toBe(2);
  });

  it('is asked for when a key is unknown, at most every half minute', async () => {
    const { jwks, asked, answer } = serving();
    await find(jwks, 'first');
    answer({ keys: [first, second] });
    await expect(find(jwks, 'second')).rejects.toThrow();
    expect(asked()).toBe(1);
    time += minutes(0.6);
    await find(jwks, 'second');
    await expect(find(jwks, 'third')).rejects.toThrow();
    expect(asked()).toBe(2);
  });

  it('no longer holds what was taken out of it, ten minutes later', async () => {
    const { jwks, answer } = serving();
    await find(jwks, 'first');
    answer({ keys: [second] });
    time += minutes(11);
    await expect(find(jwks, 'first')).rejects.toThrow();
  });

  it.each([
    ['cannot be reached', new Error('connect ECONNREFUSED')],
    ['answers with something else', { error: 'maintenance' }],
  ])('stays in use while its server %s, and says so', async (_name, fault) => {
    const { jwks, answer, faults } = serving();
    await find(jwks, 'first');
    answer(fault);
    time += minutes(11);
    await find(jwks, 'first');
    expect(faults).toHaveLength(1);
  });

  it('that was never had lets nobody in, and is asked for again soon', async () => {
    const { jwks, answer } = serving();
    answer(new Error('connect ECONNREFUSED'));
    await expect(find(jwks, 'first')).rejects.toThrow();
    answer({ keys: [first] });
    time += minutes(0.6);
    await find(jwks, 'first');
  });
});

describe('the server of a key set', () => {
  async function fetchedFrom(listener: RequestListener): Promise<unknown> {
    const server = createServer(listener);
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    try {
      return await fetchJwks(`http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`)();
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  it('cannot send us elsewhere', async () => {
    const asked: (string | undefined)[] = [];
    const fetched = fetchedFrom(({ url }, response) => {
      asked.push(url);
      response.writeHead(url === '/jwks' ? 302 : 200, { location: '/inside' }).end('{"keys": []}');
    });
    await expect(fetched).rejects.toThrow();
    expect(asked).toEqual(['/jwks']);
  });

  it('cannot fill our memory', async () => {
    const fetched = fetchedFrom((_request, response) => response.end(`"${'x'.repeat(1_000_001)}"`));
    await expect(fetched).rejects.toThrow('more than 1 MB');
  });
});
