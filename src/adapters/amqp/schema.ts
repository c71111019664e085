import { type JsonObject } from '../../kernel/json';
import {
  configurationSchema,
  type DeliveryConfiguration,
  deliverySchemas,
  host,
  port,
  secretSchema,
  type SecretValue,
  text,
  tlsSchema,
} from '../schema-parts';
import { type TlsConfiguration } from '../tls-configuration';

export interface ConnectionConfiguration {
  url?: SecretValue;
  host?: string;
  hosts?: string[];
  port?: number;
  vhost?: string;
  credentials?: { username: string; password: SecretValue };
  mechanism?: 'plain' | 'external';
  tls?: boolean | TlsConfiguration;
  heartbeat_seconds?: number;
}

export type DeliveryMode = 1 | 2 | 'transient' | 'persistent';

export interface PropertiesConfiguration {
  content_type?: string;
  content_encoding?: string;
  correlation_id?: string;
  reply_to?: string;
  expiration?: number | string;
  priority?: number;
  type?: string;
  user_id?: string;
  app_id?: string;
}

/** A configuration after `parse`, in the words of the schema. */
export interface AmqpConfiguration extends DeliveryConfiguration {
  connection: ConnectionConfiguration;
  exchange?: string;
  routing_key?: string;
  delivery_mode?: DeliveryMode;
  mandatory?: boolean;
  headers?: Record<string, string | number | boolean>;
  properties?: PropertiesConfiguration;
}

/** A routing key may be empty. A short string of AMQP holds 255 bytes; templates may be longer than what they give. */
const template = (description: string): JsonObject => ({
  type: 'string',
  maxLength: 1024,
  'x-placeholders': true,
  description,
});

const connection: JsonObject = {
  type: 'object',
  'x-address': true,
  description: 'Which broker: a url, or host, port, vhost and credentials.',
  properties: {
    url: secretSchema(
      'amqp:// or amqps:// URL, e.g. amqps://user:password@broker.example.com/vhost; kept secret, for it may hold a password.',
      { 'x-address': true },
    ),
    host: host('Name or address of the broker; in place of url.', 260),
    hosts: {
      type: 'array',
      'x-address': true,
      minItems: 1,
      maxItems: 10,
      description:
        'Several brokers of a cluster, each as host or host:port, tried in turn; in place of host.',
      items: host('host or host:port', 260),
    },
    port: port('Default 5672, with tls 5671.'),
    vhost: text('Virtual host. Default /.', { maxLength: 255 }),
    credentials: {
      type: 'object',
      description: 'Of the account at the broker. Default guest and guest, as the protocol has it.',
      properties: {
        username: text('User name.', { maxLength: 255 }),
        password: secretSchema('Password.'),
      },
      required: ['username', 'password'],
      additionalProperties: false,
    },
    mechanism: {
      type: 'string',
      enum: ['plain', 'external'],
      description: 'plain (default): user name and password; external: the client certificate under tls.',
    },
    tls: {
      ...tlsSchema,
      type: ['boolean', 'object'],
      description: 'true or an object: encrypted. Certificates as PEM texts, never as paths.',
    },
    heartbeat_seconds: {
      type: 'integer',
      minimum: 1,
      maximum: 600,
      description: 'A broker silent for two to three times as long counts as gone. Default 30.',
    },
  },
  additionalProperties: false,
};

const headers: JsonObject = {
  type: 'object',
  description: 'Further headers of the message; texts may hold placeholders.',
  maxProperties: 100,
  additionalProperties: {
    type: ['string', 'number', 'boolean'],
    maxLength: 8192,
    'x-placeholders': true,
  },
};

const properties: JsonObject = {
  type: 'object',
  description:
    'Properties of the message (AMQP 0-9-1, basic class); message_id is always the id of the delivery.',
  properties: {
    content_type: template("Default the job's own."),
    content_encoding: template("Default the job's own."),
    correlation_id: template("Default the job's own."),
    reply_to: template('Where answers go; no default.'),
    expiration: {
      type: ['integer', 'string'],
      minimum: 0,
      maximum: 4_294_967_295,
      pattern: '^[0-9]{1,10}$',
      description: 'milliseconds after which the broker drops the message, as a whole number; no default.',
    },
    priority: { type: 'integer', minimum: 0, maximum: 255, description: 'No default.' },
    type: template("Default the job's data type."),
    user_id: template('Must be the user name of the connection, or the broker refuses; no default.'),
    app_id: template('Default distributor.'),
  },
  additionalProperties: false,
};

export const amqpSchema = configurationSchema(
  'AMQP',
  {
    connection,
    exchange: template(
      'Exchange to publish to. Default: the default exchange, which takes queue names as keys.',
    ),
    routing_key: template('Routing key; each value filled in stays one word of it. Default empty.'),
    delivery_mode: {
      enum: [1, 2, 'transient', 'persistent'],
      description: '2 or persistent (default): survives a restart of the broker; 1 or transient: does not.',
    },
    mandatory: {
      type: 'boolean',
      description: 'Whether a message that no queue takes is refused (default) or counts as delivered.',
    },
    headers,
    properties,
    ...deliverySchemas,
  },
  ['connection'],
);
