import { DistributorClient } from '../../client/src/client';
import { ApiError } from '../../client/src/errors';
import { type ErrorEnvelope, type Identity, type SignedIn } from '../../client/src/types';

/** Where a pasted key and the tenant that a platform administrator looks at are kept, for this tab alone. */
const KEY = 'distributor.key';
const TENANT = 'distributor.tenant';
/** Asked for anew before it ends. */
const EARLY_MS = 30_000;

export interface SignInForm {
  tenantId: string;
  username: string;
  password: string;
}

interface Access {
  token: string;
  until: number;
}

let access: Access | undefined;
let refreshing: Promise<Access | undefined> | undefined;

/** A request of sign-in itself: it carries the cookie and no other credential. */
async function post<Answer>(path: string, body?: object): Promise<Answer> {
  const response = await fetch(`/api/v1/auth/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (response.ok) return (text === '' ? undefined : JSON.parse(text)) as Answer;
  throw new ApiError(response.status, JSON.parse(text) as ErrorEnvelope, `POST /auth/${path}`);
}

const accessOf = ({ access_token, expires_in }: SignedIn): Access => ({
  token: access_token,
  until: Date.now() + expires_in * 1000 - EARLY_MS,
});

/** A refresh token serves once: tabs take turns, where the browser lets them. */
async function refresh(): Promise<Access | undefined> {
  const ask = () => post<SignedIn>('refresh').then(accessOf);
  try {
    return await (navigator.locks?.request('distributor.refresh', ask) ?? ask());
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return undefined;
    throw error;
  }
}

async function accessToken(): Promise<string> {
  if (access !== undefined && Date.now() < access.until) return access.token;
  refreshing ??= refresh().finally(() => (refreshing = undefined));
  access = await refreshing;
  return access?.token ?? '';
}

export interface Session {
  client: DistributorClient;
  identity: Identity;
}

const clientOf = (credential: { apiKey: string } | { token: () => Promise<string> }): DistributorClient =>
  new DistributorClient({
    baseUrl: location.origin,
    ...credential,
    tenantId: sessionStorage.getItem(TENANT) ?? undefined,
    retry: { maxAttempts: 2 },
    fetch: (input, init) => fetch(input, init),
  });

/** The session of this tab: by the key that was pasted, else by the cookie. Undefined where nobody has signed in. */
export async function currentSession(): Promise<Session | undefined> {
  const apiKey = sessionStorage.getItem(KEY);
  if (apiKey === null && (await accessToken()) === '') return undefined;
  const client = clientOf(apiKey === null ? { token: accessToken } : { apiKey });
  try {
    return { client, identity: await client.identity() };
  } catch (error) {
    if (!(error instanceof ApiError) || error.status >= 500) throw error;
    forget();
    return undefined;
  }
}

export async function signIn({ tenantId, username, password }: SignInForm): Promise<void> {
  forget();
  const body = { tenant_id: tenantId.trim() === '' ? null : tenantId.trim(), username, password };
  access = accessOf(await post<SignedIn>('login', body));
}

/** @throws ApiError for a key that is not valid */
export async function useKey(apiKey: string): Promise<void> {
  forget();
  await clientOf({ apiKey }).identity();
  sessionStorage.setItem(KEY, apiKey);
}

/** For platform administrators: whose destinations and jobs they look at. */
export function lookAtTenant(tenantId: string): void {
  if (tenantId === '') sessionStorage.removeItem(TENANT);
  else sessionStorage.setItem(TENANT, tenantId);
}

export async function signOut(): Promise<void> {
  const hadKey = sessionStorage.getItem(KEY) !== null;
  forget();
  if (!hadKey) await post('logout');
}

function forget(): void {
  access = undefined;
  sessionStorage.removeItem(KEY);
  sessionStorage.removeItem(TENANT);
}

export async function hasIssuer(): Promise<boolean> {
  const response = await fetch('/api/v1/auth/oidc');
  return response.ok && ((await response.json()) as { configured: boolean }).configured;
}
