import fc from 'fast-check';
import { newSigningSecret, sign } from '../../src/adapters/signature';
import { type ForgeryReason, SignatureError, verifyCallback, verifySignature } from '../src/index';

const NOW = new Date('2026-11-21T12:00:00Z');
const SECONDS = NOW.getTime() / 1000;

/** As the service itself signs. */
function signed(body: string, secrets: readonly string[], timestamp: number = SECONDS, id = 'msg_1') {
  const signatures = sign(id, timestamp, Buffer.from(body), secrets);
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatures?.webhook ?? '',
  };
}

function reasonOf(act: () => unknown): ForgeryReason | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof SignatureError) return error.reason;
    throw error;
  }
}

describe('verifySignature', () => {
  const secret = newSigningSecret();
  const other = newSigningSecret();

  it('takes what the service signs, whatever the body', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const body = text.toWellFormed();
        const verified = verifySignature(signed(body, [secret]), body, secret, { now: NOW });
        expect(verified).toEqual({ id: 'msg_1', timestamp: NOW });
      }),
    );
  });

  it('takes none of which a byte is another', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(bytes, fc.nat(), fc.integer({ min: 1, max: 255 }), (body, at, change) => {
        const headers = signed('', [secret]);
        const signature = sign('msg_1', SECONDS, Buffer.from(body), [secret])?.webhook;
        const forged = Uint8Array.from(body, (byte, index) =>
          index === at % body.length ? byte ^ change : byte,
        );
        const verify = (sent: Uint8Array) =>
          reasonOf(() =>
            verifySignature({ ...headers, 'webhook-signature': signature }, sent, secret, { now: NOW }),
          );
        expect([verify(body), verify(forged)]).toEqual([undefined, 'signature_mismatch']);
      }),
    );
  });

  it('takes either secret while they are rotated, on both sides', () => {
    const body = '{"a":1}';
    const options = { now: NOW };
    for (const headers of [signed(body, [secret]), signed(body, [other]), signed(body, [other, secret])]) {
      expect(verifySignature(headers, body, [secret, other], options).id).toBe('msg_1');
    }
    expect(verifySignature(signed(body, [other, secret]), body, secret, options).id).toBe('msg_1');
    expect(reasonOf(() => verifySignature(signed(body, [other]), body, secret, options))).toBe(
      'signature_mismatch',
    );
  });

  it.each<[string, number, ForgeryReason | undefined]>([
    ['five minutes ago', -300, undefined],
    ['longer ago', -301, 'timestamp_too_old'],
    ['five minutes ahead', 300, undefined],
    ['further ahead', 301, 'timestamp_too_new'],
  ])('as to what was signed %s', (_when, offset, reason) => {
    const headers = signed('{}', [secret], SECONDS + offset);
    expect(reasonOf(() => verifySignature(headers, '{}', secret, { now: NOW }))).toBe(reason);
  });

  it('allows as much as it is told', () => {
    const headers = signed('{}', [secret], SECONDS - 10);
    const verify = (toleranceSeconds: number) =>
      reasonOf(() => verifySignature(headers, '{}', secret, { now: NOW, toleranceSeconds }));
    expect([verify(10), verify(9)]).toEqual([undefined, 'timestamp_too_old']);
  });

  it('takes no time but seconds', () => {
    const verify = () => verifySignature(signed('{}', [secret], Number.NaN), '{}', secret, { now: NOW });
    expect(reasonOf(verify)).toBe('timestamp_invalid');
  });

  it('binds id and time to the body', () => {
    const headers = signed('{}', [secret]);
    for (const change of [{ 'webhook-id': 'msg_2' }, { 'webhook-timestamp': String(SECONDS + 1) }]) {
      const verify = () => verifySignature({ ...headers, ...change }, '{}', secret, { now: NOW });
      expect(reasonOf(verify)).toBe('signature_mismatch');
    }
  });

  it.each(['webhook-id', 'webhook-timestamp', 'webhook-signature'])('asks for %s', (name) => {
    const headers = { ...signed('{}', [secret]), [name]: undefined };
    expect(reasonOf(() => verifySignature(headers, '{}', secret, { now: NOW }))).toBe('header_missing');
  });

  it('reads headers in any form: of fetch, of Node, of whatever case', () => {
    const headers = signed('{}', [secret]);
    const upper = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toUpperCase(), [value]]),
    );
    for (const form of [headers, new Headers(headers), upper]) {
      expect(verifySignature(form, '{}', secret, { now: NOW }).id).toBe('msg_1');
    }
  });

  it('passes over signatures of other versions', () => {
    const headers = signed('{}', [secret]);
    const both = { ...headers, 'webhook-signature': `v1a,abc ${headers['webhook-signature']}` };
    expect(verifySignature(both, '{}', secret, { now: NOW }).id).toBe('msg_1');
    const onlyOther = { ...headers, 'webhook-signature': headers['webhook-signature'].replace('v1,', 'v2,') };
    expect(reasonOf(() => verifySignature(onlyOther, '{}', secret, { now: NOW }))).toBe('signature_mismatch');
  });

  it('refuses to work with an empty secret, with which everybody could sign', () => {
    expect(() => verifySignature(signed('{}', [secret]), '{}', 'whsec_', { now: NOW })).toThrow(
      'secret is empty',
    );
  });

  it('of a callback gives what it says', () => {
    const body = JSON.stringify({ event_type: 'distribution.completed', distribution_id: 'a' });
    const callback = verifyCallback(signed(body, [secret]), Buffer.from(body), secret, { now: NOW });
    expect(callback).toMatchObject({ event_type: 'distribution.completed', distribution_id: 'a' });
  });
});
