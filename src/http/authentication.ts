import { ApiError } from '../kernel/errors';
import { type KeyLookup } from '../tenants/key-lookup';
import { type ApiRequest, header, tenantNamed } from './request';

const KEY = /^zk_[0-9a-f]{32}$/;

const PUBLIC = /^\/(health\/(live|ready|startup)|metrics|docs|docs-json|docs-yaml)(\/|\?|$)/;

/**
 * Who is asking, before a byte of the body is read. The same answer for a key that is missing its form, unknown,
 * revoked or expired: nobody learns which.
 */
export const authenticate =
  (keys: KeyLookup) =>
  async (request: ApiRequest): Promise<void> => {
    if (PUBLIC.test(request.url)) return;
    const key = keyOf(request);
    if (key === undefined) {
      throw new ApiError('AUTHENTICATION_FAILED', 'an API key is required, in the header X-API-Key');
    }
    const caller = KEY.test(key) ? await keys.find(key) : undefined;
    if (caller === undefined) throw new ApiError('AUTHENTICATION_FAILED', 'the API key is not valid');
    request.caller = { ...caller, tenantId: tenantNamed(request, caller) };
  };

function keyOf(request: ApiRequest): string | undefined {
  const bearer = /^Bearer (zk_\S+)$/.exec(header(request, 'authorization') ?? '');
  return header(request, 'x-api-key') ?? bearer?.[1];
}
