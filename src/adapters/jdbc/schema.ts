import { type JsonObject } from '../../kernel/json';
import { type TlsOptions } from '../network-connect';
import {
  deliverySchemas,
  type RetryPolicyConfiguration,
  secretSchema,
  type SecretValue,
  tlsSchema,
} from '../schema-parts';

export const MODES = ['insert', 'upsert', 'insert_ignore', 'update', 'delete', 'statement'] as const;
export type Mode = (typeof MODES)[number];

export const ISOLATION_LEVELS = [
  'read_uncommitted',
  'read_committed',
  'repeatable_read',
  'serializable',
] as const;
export type IsolationLevel = (typeof ISOLATION_LEVELS)[number];

type Secured<T> = { [K in keyof T]: K extends 'key' | 'passphrase' ? SecretValue : T[K] };

/** A configuration after `parse`, in the words of the schema. */
export interface JdbcConfiguration {
  connection: {
    url: string;
    driver?: string;
    credentials: { username: string; password?: SecretValue };
    tls?: Secured<TlsOptions>;
  };
  table?: string;
  mode?: Mode;
  key_fields?: string[];
  columns?: Record<string, string>;
  unmapped?: 'ignore' | 'fail';
  rows?: string;
  batch_size?: number;
  isolation_level?: IsolationLevel;
  statement?: string;
  delivery_id_column?: string;
  row_number_column?: string;
  missing_row?: 'ignore' | 'fail';
  pool_size?: number;
  timeout_seconds?: number;
  connect_timeout_seconds?: number;
  retry_policy?: RetryPolicyConfiguration;
  max_in_flight?: number;
  max_response_bytes?: number;
}

const column = (description: string): JsonObject => ({
  type: 'string',
  minLength: 1,
  maxLength: 128,
  description,
});

const connection: JsonObject = {
  type: 'object',
  'x-address': true,
  description: 'The database, as JDBC names it.',
  properties: {
    url: {
      type: 'string',
      minLength: 1,
      maxLength: 2048,
      'x-address': true,
      description:
        'jdbc:postgresql://…, jdbc:mysql://…, jdbc:mariadb://…, jdbc:sqlserver://… or jdbc:oracle:thin:@//…; one host, no credentials.',
    },
    driver: {
      type: 'string',
      minLength: 1,
      maxLength: 200,
      description: 'Class name of the JDBC driver; taken for compatibility, must fit the URL.',
    },
    credentials: {
      type: 'object',
      description: 'Who logs in.',
      properties: {
        username: { type: 'string', minLength: 1, maxLength: 256, description: 'User name.' },
        password: secretSchema('Password. Default: empty.'),
      },
      required: ['username'],
      additionalProperties: false,
    },
    tls: tlsSchema,
  },
  required: ['url', 'credentials'],
  additionalProperties: false,
};

const rowFields: JsonObject = {
  columns: {
    type: 'object',
    description:
      'What each column gets: a path in the row (order.id), a path from the top of the payload ($.customer.id), or a text with placeholders ({tenant_id}, {delivery_id}, {payload.a}); {body} alone is the job in its own format. Default: every field of the row goes to the column of its name.',
    minProperties: 1,
    maxProperties: 1000,
    propertyNames: { minLength: 1, maxLength: 128 },
    additionalProperties: { type: 'string', minLength: 1, maxLength: 4096, 'x-placeholders': true },
  },
  unmapped: {
    type: 'string',
    enum: ['ignore', 'fail'],
    description: 'Fields of a row that no column takes: ignored (default), or the delivery is refused.',
  },
  rows: {
    type: 'string',
    minLength: 1,
    maxLength: 1024,
    description:
      'Path to an array in the payload: one row for each of its objects. Default: the payload is the row.',
  },
  batch_size: {
    type: 'integer',
    minimum: 1,
    maximum: 10_000,
    description: 'Rows in one statement, within what the database takes. Default 500.',
  },
  isolation_level: {
    type: 'string',
    enum: [...ISOLATION_LEVELS],
    description:
      "Isolation of the transaction that holds all rows of a delivery. Default: the database's own.",
  },
};

export const jdbcSchema: JsonObject = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'JDBC',
  type: 'object',
  properties: {
    connection,
    table: {
      type: 'string',
      minLength: 1,
      maxLength: 1024,
      'x-placeholders': true,
      description: 'Table, e.g. sales.orders, exactly as the database writes it; placeholders allowed.',
    },
    mode: {
      type: 'string',
      enum: [...MODES],
      description:
        'What is done with a row. Default insert; upsert, update and delete go by key_fields; statement runs your own.',
    },
    key_fields: {
      type: 'array',
      minItems: 1,
      maxItems: 32,
      uniqueItems: true,
      items: column('Name of a column.'),
      description: 'Columns that tell rows apart; for upsert and insert_ignore they need a unique index.',
    },
    ...rowFields,
    statement: {
      type: 'string',
      minLength: 1,
      maxLength: 65_536,
      description: 'One statement with parameters such as :order_id, for the mode statement.',
    },
    delivery_id_column: column(
      'Column that gets the id of the delivery, so that a repeat of an insert has no second effect; needs a unique index.',
    ),
    row_number_column: column(
      'Column that gets the number of the row from 1, with rows; the unique index is then over both.',
    ),
    missing_row: {
      type: 'string',
      enum: ['ignore', 'fail'],
      description: 'An update that finds no row is refused (fail, default) or counts as done (ignore).',
    },
    pool_size: {
      type: 'integer',
      minimum: 1,
      maximum: 256,
      description:
        'Connections at the same time, for each worker. Default 10, never more than max_in_flight.',
    },
    ...deliverySchemas,
    max_response_bytes: {
      type: 'integer',
      minimum: 0,
      maximum: 65_536,
      description: "How much of the database's answer is kept. Default 8192.",
    },
  },
  required: ['connection'],
  dependentRequired: { row_number_column: ['delivery_id_column', 'rows'] },
  additionalProperties: false,
};
