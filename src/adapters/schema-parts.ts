import { type JsonObject } from '../kernel/json';

/** Pieces that the schemas of several adapters share, so that the same field means the same everywhere. */

/** A secret of a configuration: the text itself, or the name of an environment variable. */
export type SecretValue = string | { env: string };

/** The text of a secret. References are resolved before `open` (see secrets.ts); one left is a bug. */
export function plain(secret: SecretValue): string {
  if (typeof secret === 'string') return secret;
  throw new Error(`The reference to ${secret.env} was not resolved before the destination was opened`);
}

export const text = (description: string, more: JsonObject = {}): JsonObject => ({
  type: 'string',
  minLength: 1,
  maxLength: 1024,
  description,
  ...more,
});

export const template = (description: string, maxLength = 1024): JsonObject =>
  text(description, { maxLength, 'x-placeholders': true });

export const host = (description: string, maxLength = 253): JsonObject =>
  text(description, { maxLength, 'x-address': true });

export const port = (description: string): JsonObject => ({
  type: 'integer',
  minimum: 1,
  maximum: 65_535,
  'x-address': true,
  description,
});

export const tokenUrl: JsonObject = text('http:// or https:// URL where tokens are asked for.', {
  maxLength: 4096,
  'x-address': true,
});

export const scopes: JsonObject = {
  type: 'array',
  maxItems: 50,
  items: text('Scope.'),
  description: 'Scopes to ask for.',
};

export const maxResponseBytes: JsonObject = {
  type: 'integer',
  minimum: 0,
  maximum: 65_536,
  description: 'How much of an answer is kept. Default 8192.',
};

export const DEFAULT_RESPONSE_BYTES = 8192;

/** A whole configuration; `more` are further keywords of JSON Schema. */
export const configurationSchema = (
  title: string,
  properties: JsonObject,
  required: string[],
  more: JsonObject = {},
): JsonObject => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title,
  type: 'object',
  properties,
  required,
  ...more,
  additionalProperties: false,
});

export const secretSchema = (description: string, limits: JsonObject = {}): JsonObject => ({
  type: ['string', 'object'],
  'x-secret': true,
  description: `${description} Or {"env": "NAME"} for an environment variable that the operator allows.`,
  minLength: 1,
  maxLength: 16_384,
  ...limits,
  properties: {
    env: { type: 'string', pattern: '^[A-Za-z_][A-Za-z0-9_]*$', description: 'NAME of a variable' },
  },
  required: ['env'],
  additionalProperties: false,
});

export const tlsSchema: JsonObject = {
  type: 'object',
  'x-transport': true,
  description: 'How the connection is encrypted; certificates as PEM texts, never as paths.',
  properties: {
    ca: { type: 'string', description: "PEM certificates to trust instead of the public authorities'." },
    cert: { type: 'string', description: 'PEM certificate to present to the receiver.' },
    key: secretSchema('PEM private key of the certificate.'),
    passphrase: secretSchema('Passphrase of the private key.'),
    server_name: {
      type: 'string',
      minLength: 1,
      maxLength: 253,
      description: 'Name to expect in the certificate.',
    },
    min_version: { type: 'string', enum: ['TLSv1.2', 'TLSv1.3'], description: 'Default TLSv1.2.' },
  },
  dependentRequired: { cert: ['key'], key: ['cert'], passphrase: ['key'] },
  additionalProperties: false,
};

const retryPolicySchema: JsonObject = {
  type: 'object',
  description: 'How often and how patiently a delivery is repeated; delays in seconds.',
  properties: {
    max_attempts: { type: 'integer', minimum: 1, maximum: 100, description: 'Attempts in all. Default 4.' },
    initial_delay_seconds: { type: 'number', minimum: 0, maximum: 86_400, description: 'Default 1.' },
    backoff_multiplier: { type: 'number', minimum: 1, maximum: 100, description: 'Default 2.' },
    max_backoff_seconds: { type: 'number', minimum: 0, maximum: 86_400, description: 'Default 300.' },
  },
  additionalProperties: false,
};

/** What every configuration may hold, in the words of `deliverySchemas`. */
export interface DeliveryConfiguration {
  timeout_seconds?: number;
  connect_timeout_seconds?: number;
  retry_policy?: {
    max_attempts?: number;
    initial_delay_seconds?: number;
    backoff_multiplier?: number;
    max_backoff_seconds?: number;
  };
  max_in_flight?: number;
  rate_limit?: { requests: number; per_seconds: number };
  ordering?: { on_failure?: 'continue' | 'block' };
}

export const connectTimeoutMs = ({ connect_timeout_seconds = 10 }: DeliveryConfiguration): number =>
  connect_timeout_seconds * 1000;

/** Read by delivery (time-out, retries, lane width) rather than by the adapter; the same for every protocol. */
export const deliverySchemas: JsonObject = {
  timeout_seconds: {
    type: 'number',
    exclusiveMinimum: 0,
    maximum: 3600,
    description: 'Total time for one attempt.',
  },
  connect_timeout_seconds: {
    type: 'number',
    exclusiveMinimum: 0,
    maximum: 120,
    description: 'Time for opening a connection. Default 10.',
  },
  retry_policy: retryPolicySchema,
  max_in_flight: {
    type: 'integer',
    minimum: 1,
    maximum: 1024,
    description: 'Deliveries to this destination at the same time, over all workers. Default: no such limit.',
  },
  rate_limit: {
    type: 'object',
    description: 'At most so many deliveries in any such time, over all workers; evenly spread.',
    properties: {
      requests: { type: 'integer', minimum: 1, maximum: 1_000_000, description: 'Deliveries.' },
      per_seconds: { type: 'integer', minimum: 1, maximum: 86_400, description: 'Length of the time.' },
    },
    required: ['requests', 'per_seconds'],
    additionalProperties: false,
  },
  ordering: {
    type: 'object',
    description: 'What deliveries with an ordering key do.',
    properties: {
      on_failure: {
        type: 'string',
        enum: ['continue', 'block'],
        description:
          'After one failed for good: the next one goes (continue, the default), or all that follow under its key wait until its dead letter is redriven with success or discarded (block).',
      },
    },
    additionalProperties: false,
  },
};
