import { type JsonObject } from '../../kernel/json';
import { type OAuth2Configuration } from '../oauth2-tokens';
import {
  configurationSchema,
  type DeliveryConfiguration,
  deliverySchemas,
  maxResponseBytes,
  scopes,
  secretSchema,
  type SecretValue,
  text,
  tlsSchema,
  tokenUrl,
} from '../schema-parts';
import { type TlsConfiguration } from '../tls-configuration';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** A status (`404`), a class (`"5xx"`) or a range (`"500-504"`). */
export type StatusPattern = number | string;

export type AuthConfiguration =
  | { type: 'none' }
  | { type: 'basic'; username: string; password: SecretValue }
  | { type: 'bearer'; token?: SecretValue; token_env_var?: string }
  | { type: 'api_key'; header?: string; value: SecretValue }
  | ({ type: 'oauth2' } & Omit<OAuth2Configuration, 'refresh_token'>);

export type BodyFormat =
  'as_is' | 'form' | 'multipart' | 'none' | 'cloudevents_binary' | 'cloudevents_structured';

/** A configuration after `parse`, in the words of the schema. */
export interface RestConfiguration extends DeliveryConfiguration {
  endpoint: string;
  method?: Method;
  headers?: Record<string, SecretValue>;
  auth?: AuthConfiguration;
  tls?: TlsConfiguration;
  proxy?: string;
  proxy_credentials?: { username: string; password: SecretValue };
  max_redirects?: number;
  success_statuses?: StatusPattern[];
  retry_statuses?: StatusPattern[];
  body_format?: BodyFormat;
  max_response_bytes?: number;
  signing_secret?: SecretValue;
  previous_signing_secret?: SecretValue;
  health_check?: { endpoint?: string; method?: 'HEAD' | 'GET' };
}

const url = (description: string, more: JsonObject = {}): JsonObject =>
  text(description, { maxLength: 4096, ...more });

const statuses = (description: string): JsonObject => ({
  type: 'array',
  description,
  minItems: 1,
  maxItems: 50,
  items: {
    type: ['integer', 'string'],
    minimum: 200,
    maximum: 599,
    pattern: '^[2-5]xx$|^[2-5][0-9][0-9]-[2-5][0-9][0-9]$',
    description: 'a status such as 404, a class such as "5xx", or a range such as "500-504"',
  },
});

const authBranch = (
  type: string,
  title: string,
  fields: Record<string, JsonObject>,
  required: string[],
): JsonObject => ({
  title,
  properties: { type: { const: type }, ...fields },
  required: ['type', ...required],
  additionalProperties: false,
});

const auth: JsonObject = {
  type: 'object',
  description: 'How the receiver knows the sender.',
  discriminator: { propertyName: 'type' },
  oneOf: [
    authBranch('none', 'No authentication', {}, []),
    authBranch(
      'basic',
      'User name and password',
      { username: text('User name; without a colon.'), password: secretSchema('Password.') },
      ['username', 'password'],
    ),
    authBranch(
      'bearer',
      'Bearer token',
      {
        token: secretSchema('Token; goes into the header Authorization.'),
        token_env_var: {
          type: 'string',
          'x-env-for': 'token',
          pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
          description: 'Name of an environment variable that the operator allows; instead of token.',
        },
      },
      [],
    ),
    authBranch(
      'api_key',
      'API key in a header',
      { header: text('Name of the header. Default X-API-Key.'), value: secretSchema('The key.') },
      ['value'],
    ),
    authBranch(
      'oauth2',
      'OAuth 2.0 client credentials',
      {
        token_url: tokenUrl,
        client_id: text('Client identifier.'),
        client_secret: secretSchema('Client secret.'),
        scopes,
        audience: text('Audience, where the server wants one.'),
        client_authentication: {
          type: 'string',
          enum: ['header', 'body'],
          description: 'Where the client secret goes: Basic header (default) or form body.',
        },
      },
      ['token_url', 'client_id', 'client_secret'],
    ),
  ],
};

/** ECMA regular expressions have no inline flag for it: `[aA][bB]…`. */
const anyCase = (word: string): string =>
  word.replace(/[a-z]/g, (letter) => `[${letter}${letter.toUpperCase()}]`);

/** Headers whose names say that they carry a credential are kept like one. */
const SECRET_HEADERS = [
  'authorization',
  'cookie',
  'token',
  'secret',
  'password',
  'apikey',
  'api-key',
  'api_key',
]
  .map(anyCase)
  .join('|');

const CREDENTIAL = new RegExp(SECRET_HEADERS);

/** Whether a header is one that must not go to another origin. */
export const isCredentialHeader = (name: string): boolean => CREDENTIAL.test(name);

/** Values of parameters whose names are those of credentials, as they stand and decoded; not the placeholders. */
export function credentialsInQuery(url: string): string[] {
  const [, query = ''] = url.split('?', 2);
  return [...new URLSearchParams(query)]
    .filter(([name, value]) => isCredentialHeader(name) && !value.includes('{'))
    .map(([, value]) => value);
}

const proxyCredentials: JsonObject = {
  type: 'object',
  description: 'How the proxy knows the sender (Basic).',
  properties: {
    username: text('User name; without a colon.', { pattern: '^[^:\\p{Cc}]+$' }),
    password: secretSchema('Password.'),
  },
  required: ['username', 'password'],
  additionalProperties: false,
};

const headers: JsonObject = {
  type: 'object',
  description: 'Further headers; values may hold placeholders. Those that name a credential are kept secret.',
  maxProperties: 100,
  patternProperties: { [`(${SECRET_HEADERS})`]: secretSchema('Value of the header.') },
  additionalProperties: { type: 'string', maxLength: 8192, 'x-placeholders': true },
};

const signing = (description: string): JsonObject =>
  secretSchema(description, { pattern: '^whsec_[A-Za-z0-9+/]{32,}={0,2}$' });

export const restSchema = configurationSchema(
  'REST',
  {
    endpoint: url('http:// or https:// URL; placeholders allowed in path and query.', {
      'x-address': true,
      'x-placeholders': true,
    }),
    method: { type: 'string', enum: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'], description: 'Default POST.' },
    headers,
    auth,
    tls: tlsSchema,
    proxy: url(
      'http:// or https:// URL of a proxy that opens the connections by CONNECT. Default: none, whatever the environment says.',
      { 'x-address': true },
    ),
    proxy_credentials: proxyCredentials,
    max_redirects: {
      type: 'integer',
      minimum: 0,
      maximum: 10,
      description:
        'Redirects (301, 302, 307, 308) to follow with the same request; to another host without credentials. Default 0.',
    },
    success_statuses: statuses('Answers that count as delivered, instead of every 2xx.'),
    retry_statuses: statuses('Answers after which to try again, instead of 408, 425, 429 and every 5xx.'),
    body_format: {
      type: 'string',
      enum: ['as_is', 'form', 'multipart', 'none', 'cloudevents_binary', 'cloudevents_structured'],
      description:
        'as_is (default): the job in its own format; form or multipart: one field for each top-level field; none: no body (always so for GET); cloudevents_…: a CloudEvents 1.0 event, its attributes in headers or in the body.',
    },
    ...deliverySchemas,
    max_response_bytes: maxResponseBytes,
    signing_secret: signing(
      'Signs deliveries in place of the secret of the tenant: whsec_ and the base64 of 24 bytes or more.',
    ),
    previous_signing_secret: signing(
      'Signs as well while receivers change over: whsec_ and the base64 of 24 bytes or more.',
    ),
    health_check: {
      type: 'object',
      description: 'How to find out whether the receiver is there. Default: HEAD on the endpoint.',
      properties: {
        endpoint: url('URL to ask, without placeholders. Default: the endpoint.'),
        method: { type: 'string', enum: ['HEAD', 'GET'], description: 'Default HEAD.' },
      },
      additionalProperties: false,
    },
  },
  ['endpoint'],
  {
    dependentRequired: { previous_signing_secret: ['signing_secret'], proxy_credentials: ['proxy'] },
  },
);
