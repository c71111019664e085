import { type ApiReply, type ApiRequest, header } from './request';

/** Out of reach for scripts, and sent to no path but those that need it. */
interface Cookie {
  name: string;
  path: string;
  /** Strict: never sent along by pages of others. Lax: sent along when one of them leads the browser here. */
  sameSite: 'Strict' | 'Lax';
}

const REFRESH: Cookie = { name: 'distributor_refresh', path: '/api/v1/auth', sameSite: 'Strict' };
/** What a sign-in at an issuer began with; the issuer leads the browser back. */
const BEGUN: Cookie = { name: 'distributor_oidc', path: '/api/v1/auth/oidc', sameSite: 'Lax' };

function read(request: ApiRequest, cookie: Cookie): string | undefined {
  for (const pair of (header(request, 'cookie') ?? '').split(';')) {
    const [name, value] = pair.trim().split('=', 2);
    if (name === cookie.name && value !== undefined && value !== '') return value;
  }
  return undefined;
}

/** Beside the cookies that the answer sets already. */
function set(request: ApiRequest, reply: ApiReply, cookie: Cookie, value: string, seconds: number): void {
  const { name, path, sameSite } = cookie;
  const secure = request.protocol === 'https' ? '; Secure' : '';
  void reply.header(
    'set-cookie',
    `${name}=${value}; Max-Age=${seconds}; Path=${path}; HttpOnly; SameSite=${sameSite}${secure}`,
  );
}

export const refreshTokenOf = (request: ApiRequest): string | undefined => read(request, REFRESH);

export const setRefreshToken = (request: ApiRequest, reply: ApiReply, token: string, seconds: number): void =>
  set(request, reply, REFRESH, token, seconds);

export const clearRefreshToken = (request: ApiRequest, reply: ApiReply): void =>
  set(request, reply, REFRESH, '', 0);

export const begunSignIn = (request: ApiRequest): string | undefined => read(request, BEGUN);

export const keepBegunSignIn = (request: ApiRequest, reply: ApiReply, begun: string, seconds: number): void =>
  set(request, reply, BEGUN, begun, seconds);

export const clearBegunSignIn = (request: ApiRequest, reply: ApiReply): void =>
  set(request, reply, BEGUN, '', 0);
