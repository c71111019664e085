import fc from 'fast-check';
import { NetworkGuard, type Lookup } from './network-guard';
import { INSIDE, MALFORMED } from '../../test/support/addresses-inside';
import { securityFigure } from '../../test/support/security-figures';

const strict = new NetworkGuard([]);

const PUBLIC = [
  '8.8.8.8',
  '134744072',
  '1.1.1.1',
  '[2606:4700::1111]',
  '::ffff:8.8.8.8',
  '172.32.0.1',
  '100.128.0.1',
];

describe('an address that leads inside', () => {
  it.each(INSIDE)('%j is refused, by itself and in a URL', async (host) => {
    expect(await strict.resolve(host)).toMatchObject({ ok: false, code: 'NETWORK_FORBIDDEN' });
    expect(strict.urlIssue(`https://${host}/x`)).toBeDefined();
    expect(strict.urlIssue(`amqps://${host}/x`, ['amqps'])).toBeDefined();
    expect(strict.hostIssue(host)).toBeDefined();
    securityFigure('address_spellings_refused', 1);
  });

  it.each(MALFORMED)('%j is no host and refused', async (host) => {
    expect(await strict.resolve(host)).toMatchObject({ ok: false, code: 'NETWORK_FORBIDDEN' });
    expect(strict.hostIssue(host)).toBeDefined();
    securityFigure('address_spellings_refused', 1);
  });

  it('is refused in every spelling of every address of the private ranges', async () => {
    const address = fc.oneof(
      fc.tuple(fc.constant(10), fc.nat(255), fc.nat(255), fc.nat(255)),
      fc.tuple(fc.constant(127), fc.nat(255), fc.nat(255), fc.nat(255)),
      fc.tuple(fc.constant(192), fc.constant(168), fc.nat(255), fc.nat(255)),
      fc.tuple(fc.constant(169), fc.constant(254), fc.nat(255), fc.nat(255)),
    );
    await fc.assert(
      fc.asyncProperty(address, fc.nat(6), async (octets, form) => {
        expect(await strict.resolve(spell(octets, form))).toMatchObject({
          ok: false,
          code: 'NETWORK_FORBIDDEN',
        });
      }),
      { numRuns: 500 },
    );
  });
});

/** One of seven spellings of four octets. */
function spell([a, b, c, d]: [number, number, number, number], form: number): string {
  const number = ((a * 256 + b) * 256 + c) * 256 + d;
  const hex = number.toString(16).padStart(8, '0');
  return (
    [
      `${a}.${b}.${c}.${d}`,
      String(number),
      `0x${hex}`,
      `0${number.toString(8)}`,
      `${a}.${(b * 256 + c) * 256 + d}`,
      `0${a.toString(8)}.${b}.0x${(c * 256 + d).toString(16)}`,
      `[::ffff:${hex.slice(0, 4)}:${hex.slice(4)}]`,
    ][form] ?? ''
  );
}

describe('an address that may be reached', () => {
  it.each(PUBLIC)('%j is public', async (host) => {
    expect(await strict.resolve(host)).toMatchObject({ ok: true, host });
    expect(strict.hostIssue(host)).toBeUndefined();
  });

  it('lies in an allowed network, in any spelling', async () => {
    const guard = new NetworkGuard(['127.0.0.0/8', 'fd00:1::/64']);
    expect(await guard.resolve('0x7f.1')).toEqual({
      ok: true,
      address: '127.0.0.1',
      family: 4,
      host: '0x7f.1',
    });
    expect(await guard.resolve('[::ffff:127.0.0.9]')).toMatchObject({
      ok: true,
      address: '127.0.0.9',
      family: 4,
    });
    expect(await guard.resolve('fd00:1::7')).toMatchObject({ ok: true, address: 'fd00:1::7', family: 6 });
    expect(await guard.resolve('fd00:2::7')).toMatchObject({ ok: false });
    expect(await guard.resolve('10.0.0.1')).toMatchObject({ ok: false });
    expect(guard.urlIssue('http://localhost:8080/')).toBeUndefined();
  });

  it('is asked for by a network that is one', () => {
    expect(() => new NetworkGuard(['10.0.0.0'])).toThrow('"10.0.0.0" is not a network: write it as');
  });
});

const answering =
  (...addresses: string[]): Lookup =>
  async () =>
    addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));

describe('a name', () => {
  it('gives the address that was checked, IPv4 first', async () => {
    const guard = new NetworkGuard([], answering('2606:4700::1111', '1.1.1.1'));
    expect(await guard.resolve('one.example')).toEqual({
      ok: true,
      address: '1.1.1.1',
      family: 4,
      host: 'one.example',
    });
  });

  it('is refused when any of its addresses leads inside, without showing which', async () => {
    for (const inside of ['10.1.2.3', '::ffff:10.1.2.3', 'fe80::1', '::1']) {
      const resolved = await new NetworkGuard([], answering('1.1.1.1', inside)).resolve('mixed.example');
      expect(resolved).toMatchObject({ ok: false, code: 'NETWORK_FORBIDDEN' });
      expect(JSON.stringify(resolved)).not.toContain(inside);
    }
  });

  it('that does not resolve, or to nothing, says so', async () => {
    const failing = new NetworkGuard([], () => Promise.reject(new Error('ENOTFOUND')));
    expect(await failing.resolve('no.example')).toMatchObject({ ok: false, code: 'NAME_RESOLUTION_FAILED' });
    const empty = await new NetworkGuard([], answering()).resolve('no.example');
    expect(empty).toMatchObject({ ok: false, code: 'NAME_RESOLUTION_FAILED' });
  });

  it('is not waited for longer than the signal allows', async () => {
    const guard = new NetworkGuard([], () => new Promise(() => undefined));
    expect(await guard.resolve('slow.example', AbortSignal.abort())).toMatchObject({ ok: false });
  });
});

describe('a URL is checked before it is stored', () => {
  it.each([
    ['example.com/x', 'is not a valid URL'],
    ['http://', 'is not a valid URL'],
    ['ftp://example.com/', 'must begin with http:// or https://'],
    ['file:///etc/passwd', 'must begin with http:// or https://'],
    ['https://user:secret@example.com/', 'must not contain a user name or password'],
    ['http://localhost:3000/', 'must not point to'],
    ['http://api.localhost/', 'must not point to'],
    ['http://169.254.169.254/latest/meta-data/', 'must not point to'],
  ])('%s', (url, issue) => {
    expect(strict.urlIssue(url)).toContain(issue);
    expect(strict.urlIssue(url)).not.toContain('secret');
  });

  it('and passes when nothing speaks against it', () => {
    expect(strict.urlIssue('https://example.com:8443/a?b=c')).toBeUndefined();
    expect(strict.urlIssue('amqps://broker.example.com', ['amqp', 'amqps'])).toBeUndefined();
  });
});
