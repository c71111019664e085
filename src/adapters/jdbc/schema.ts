import { type JsonObject } from '../../kernel/json';
import {
  configurationSchema,
  type DeliveryConfiguration,
  deliverySchemas,
  maxResponseBytes,
  secretSchema,
  type SecretValue,
  template,
  text,
  tlsSchema,
} from '../schema-parts';
import { type TlsConfiguration } from '../tls-configuration';

const MODES = ['insert', 'upsert', 'insert_ignore', 'update', 'delete', 'statement'] as const;
export type Mode = (typeof MODES)[number];

const ISOLATION_LEVELS = ['read_uncommitted', 'read_committed', 'repeatable_read', 'serializable'] as const;
export type IsolationLevel = (typeof ISOLATION_LEVELS)[number];

/** A configuration after `parse`, in the words of the schema. */
export interface JdbcConfiguration extends DeliveryConfiguration {
  connection: {
    url: string;
    driver?: string;
    credentials: { username: string; password?: SecretValue };
    tls?: TlsConfiguration;
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
  max_response_bytes?: number;
}

const column = (description: string): JsonObject => text(description, { maxLength: 128 });

const connection: JsonObject = {
  type: 'object',
  'x-address': true,
  description: 'The database, as JDBC names it.',
  properties: {
    url: text(
      'jdbc:postgresql://…, jdbc:mysql://…, jdbc:mariadb://…, jdbc:sqlserver://… or jdbc:oracle:thin:@//…; one host, no credentials.',
      { maxLength: 2048, 'x-address': true },
    ),
    driver: text('Class name of the JDBC driver; taken for compatibility, must fit the URL.', {
      maxLength: 200,
    }),
    credentials: {
      type: 'object',
      description: 'Who logs in.',
      properties: {
        username: text('User name.', { maxLength: 256 }),
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
  rows: text(
    'Path to an array in the payload: one row for each of its objects. Default: the payload is the row.',
  ),
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

export const jdbcSchema = configurationSchema(
  'JDBC',
  {
    connection,
    table: template('Table, e.g. sales.orders, exactly as the database writes it; placeholders allowed.'),
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
    statement: text('One statement with parameters such as :order_id, for the mode statement.', {
      maxLength: 65_536,
    }),
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
    max_response_bytes: maxResponseBytes,
  },
  ['connection'],
  { dependentRequired: { row_number_column: ['delivery_id_column', 'rows'] } },
);
