import { type ApiRequest } from './request';

/** Pages of ours load what lies beside them; the API itself answers with data and nothing that could be run. */
const DATA_POLICY = `default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`;
const DOCS_POLICY =
  `default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; ` +
  `connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`;

/** The console loads its own files and asks its own origin; `nonce` is for the style sheets that its components make. */
export const consolePolicy = (nonce: string): string =>
  `default-src 'none'; script-src 'self'; style-src 'self' 'nonce-${nonce}'; img-src 'self' data:; font-src 'self'; ` +
  `connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`;

const ALWAYS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** For every answer, refusals included. HSTS only where the caller came by https: elsewhere browsers ignore it. */
export const securityHeaders = (request: ApiRequest): Record<string, string> => ({
  ...ALWAYS,
  'content-security-policy': /^\/docs(\/|$)/.test(request.url) ? DOCS_POLICY : DATA_POLICY,
  ...(request.protocol === 'https' ? { 'strict-transport-security': 'max-age=31536000' } : {}),
});
