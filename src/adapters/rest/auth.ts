import { basic } from '../oauth2-tokens';
import { plain } from '../schema-parts';
import { type AuthConfiguration } from './schema';

/** The header that proves who sends, where it never changes; undefined for none and for OAuth 2.0. */
export function constantAuthHeader(auth: AuthConfiguration = { type: 'none' }): [string, string] | undefined {
  switch (auth.type) {
    case 'none':
    case 'oauth2':
      return undefined;
    case 'basic':
      return ['authorization', basic(auth.username, plain(auth.password))];
    case 'bearer':
      return ['authorization', `Bearer ${plain(auth.token ?? { env: auth.token_env_var ?? '' })}`];
    case 'api_key':
      return [(auth.header ?? 'X-API-Key').toLowerCase(), plain(auth.value)];
  }
}
