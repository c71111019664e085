import { randomBytes } from 'node:crypto';
import { OidcIssuer } from '../../test/support/oidc-issuer';
import { type TenantId } from '../kernel/ids';
import { SecretBox } from '../kernel/secret-box';
import { IssuerSignIn, type IssuerSettings } from './issuer-sign-in';

const REDIRECT = 'https://distributor.example.org/api/v1/auth/oidc/callback';
const TENANT = 'comune-prato' as TenantId;
const box = new SecretBox([randomBytes(32).toString('base64')]);

let issuer: OidcIssuer;
let time = Date.now();
const clock = { now: () => new Date(time) };

beforeEach(async () => {
  time = Date.now();
  issuer = await OidcIssuer.start();
  issuer.redirectUri = REDIRECT;
  issuer.person = { email: 'anna@example.org', email_verified: true };
});

afterEach(() => issuer.stop());

function signIn(more: Partial<IssuerSettings> = {}): { one: IssuerSignIn; faults: unknown[] } {
  const faults: unknown[] = [];
  const { url, clientId, clientSecret } = issuer;
  const settings = { issuer: url, clientId, clientSecret, redirectUrl: REDIRECT, ...more };
  return { one: new IssuerSignIn({ settings, box, clock, onFault: (error) => faults.push(error) }), faults };
}

/** What the browser brings back from the issuer. */
async function answerTo(location: string): Promise<Record<string, string>> {
  const answer = await fetch(location, { redirect: 'manual' });
  return Object.fromEntries(new URL(answer.headers.get('location') ?? '').searchParams);
}

const vouched = { tenantId: TENANT, email: 'anna@example.org' };

describe('a sign-in at an issuer', () => {
  it('may begin in one process and end in another, with a secret or, as a public client, without', async () => {
    for (const secret of [issuer.clientSecret, undefined]) {
      issuer.clientSecret = secret;
      const { location, kept } = await signIn().one.begin(TENANT);
      const ended = await signIn().one.end(await answerTo(location), kept);
      expect(ended).toEqual({ ...vouched, issuer: issuer.url });
    }
    expect(issuer.refusals).toEqual([]);
  });

  it('takes ten minutes at most', async () => {
    const { one } = signIn();
    const { location, kept } = await one.begin(TENANT);
    const answer = await answerTo(location);
    time += 601_000;
    await expect(one.end(answer, kept)).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' });
  });

  it('is not there where no issuer is named', async () => {
    const none = new IssuerSignIn({ settings: undefined, box, clock, onFault: () => undefined });
    await expect(none.begin(null)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(none.end({}, undefined)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('is to be tried again while the issuer is away, or is another than it was said to be', async () => {
    const known = signIn();
    const { location, kept } = await known.one.begin(TENANT);
    const answer = await answerTo(location);
    const other = signIn({ issuer: `${issuer.url}/` });
    const unknown = signIn();
    await expect(other.one.begin(TENANT)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    await issuer.stop();
    await expect(unknown.one.begin(TENANT)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    await expect(known.one.end(answer, kept)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    expect([known, other, unknown].map(({ faults }) => faults.length)).toEqual([1, 1, 1]);
  });
});
