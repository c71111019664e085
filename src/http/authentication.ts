import { ApiError } from '../kernel/errors';
import { type Callers, credentialIn } from '../identity/callers';
import { type ApiRequest, header, tenantNamed } from './request';

/** The pages of the published contract and of the console; all other open routes say so at their endpoint. */
const PAGES = /^\/(docs(-json|-yaml|\/.*)?|console(\/\*)?)$/;

/**
 * Who is asking, before a byte of the body is read. The same answer for a credential that has the wrong form, is
 * unknown, revoked, expired or forged: nobody learns which.
 */
export const authenticate =
  (callers: Callers, openRoutes: ReadonlySet<string>) =>
  async (request: ApiRequest): Promise<void> => {
    // The route that was found, not the address as it was written.
    const route = request.routeOptions.url;
    if (route !== undefined && (openRoutes.has(route) || PAGES.test(route))) return;
    const credential = credentialIn((name) => header(request, name));
    if (credential === undefined) {
      throw new ApiError(
        'AUTHENTICATION_FAILED',
        'an API key is required, in the header X-API-Key, or a token, as Authorization: Bearer …',
      );
    }
    const caller = await callers.find(credential);
    if (caller === undefined)
      throw new ApiError('AUTHENTICATION_FAILED', 'the API key or token is not valid');
    request.caller = { ...caller, tenantId: tenantNamed(request, caller) };
  };
