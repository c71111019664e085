import { createHmac } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { newSigningSecret, sign } from './signature';

const body = Buffer.from('{"città":"Roma"}');
const now = (): number => Math.floor(Date.now() / 1000);

function headersOf(secrets: string[], timestamp = now()): Record<string, string> {
  const signed = sign('msg_1', timestamp, body, secrets);
  return {
    'webhook-id': 'msg_1',
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signed?.webhook ?? '',
  };
}

describe('a signature', () => {
  it('is what Standard Webhooks verifies, with either secret during rotation', () => {
    const [current, previous, other] = [newSigningSecret(), newSigningSecret(), newSigningSecret()];
    const headers = headersOf([current, previous]);
    expect(new Webhook(current).verify(body.toString(), headers)).toEqual({ città: 'Roma' });
    expect(new Webhook(previous).verify(body.toString(), headers)).toEqual({ città: 'Roma' });
    expect(() => new Webhook(other).verify(body.toString(), headers)).toThrow();
    expect(() => new Webhook(current).verify(`${body.toString()} `, headers)).toThrow();
  });

  it('is made by two secrets at most', () => {
    const secrets = [newSigningSecret(), newSigningSecret(), newSigningSecret()];
    expect(headersOf(secrets)['webhook-signature']?.split(' ')).toHaveLength(2);
  });

  it('has the plain form over the body beside it, with the current secret', () => {
    const secret = newSigningSecret();
    const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
    const expected = createHmac('sha256', key).update(body).digest('hex');
    expect(sign('msg_1', 1, body, [secret, newSigningSecret()])?.zenia).toBe(`sha256=${expected}`);
  });

  it('is not made without a secret, nor with an empty one', () => {
    expect(sign('msg_1', 1, body, [])).toBeUndefined();
    expect(() => sign('msg_1', 1, body, ['whsec_'])).toThrow('rotate it');
  });

  it('needs a secret of 24 bytes or more', () => {
    const [, base64] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(newSigningSecret()) ?? [];
    expect(Buffer.from(base64 ?? '', 'base64')).toHaveLength(32);
  });
});
