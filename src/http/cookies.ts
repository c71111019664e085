import { type ApiReply, type ApiRequest, header } from './request';

const REFRESH = 'distributor_refresh';

export function refreshTokenOf(request: ApiRequest): string | undefined {
  for (const pair of (header(request, 'cookie') ?? '').split(';')) {
    const [name, value] = pair.trim().split('=', 2);
    if (name === REFRESH && value !== undefined && value !== '') return value;
  }
  return undefined;
}

/** Out of reach for scripts, never sent along by pages of others, and to no path but those that need it. */
export function setRefreshToken(request: ApiRequest, reply: ApiReply, token: string, seconds: number): void {
  const secure = request.protocol === 'https' ? '; Secure' : '';
  void reply.header(
    'set-cookie',
    `${REFRESH}=${token}; Max-Age=${seconds}; Path=/api/v1/auth; HttpOnly; SameSite=Strict${secure}`,
  );
}

export const clearRefreshToken = (request: ApiRequest, reply: ApiReply): void =>
  setRefreshToken(request, reply, '', 0);
