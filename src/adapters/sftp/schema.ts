import { type JsonObject } from '../../kernel/json';
import {
  configurationSchema,
  type DeliveryConfiguration,
  deliverySchemas,
  host,
  port,
  secretSchema,
  type SecretValue,
  template,
  text,
} from '../schema-parts';

export type Conflict = 'replace' | 'ignore' | 'rename' | 'fail';

/** The value of `host_key` that gives up knowing the server. */
export const ANY_HOST_KEY = 'insecure-accept-any';

export interface SftpCredentials {
  username: string;
  password?: SecretValue;
  private_key?: SecretValue;
  passphrase?: SecretValue;
}

/** A configuration after `parse`, in the words of the schema. */
export interface SftpConfiguration extends DeliveryConfiguration {
  host: string;
  port?: number;
  credentials: SftpCredentials;
  host_key: string | string[];
  host_key_algorithms?: string[];
  directory?: string;
  filename?: string;
  conflict?: Conflict;
  mkdirs?: boolean;
  permissions?: string;
  checksum_file?: boolean;
  done_file?: string;
  max_connections?: number;
}

const HOST_KEY = '^(SHA256:[A-Za-z0-9+/]{43}=?|insecure-accept-any)$';

const credentials: JsonObject = {
  type: 'object',
  description: 'A user name with a password, a private key, or both.',
  properties: {
    username: text('User at the server.', { maxLength: 256 }),
    password: secretSchema('Password; also the answer to a keyboard-interactive question for one.'),
    private_key: secretSchema('Private key as text (OpenSSH or PEM).'),
    passphrase: secretSchema('Passphrase of the private key.'),
  },
  required: ['username'],
  dependentRequired: { passphrase: ['private_key'] },
  additionalProperties: false,
};

const server: Record<string, JsonObject> = {
  host: host('Name or address of the server.'),
  port: port('Default 22.'),
  credentials,
  host_key: {
    type: ['string', 'array'],
    pattern: HOST_KEY,
    minItems: 1,
    maxItems: 10,
    items: { type: 'string', pattern: HOST_KEY, description: '"SHA256:" and 43 letters of base64' },
    'x-address': true,
    description:
      'Fingerprint of the server\'s key, "SHA256:" and 43 letters of base64 (ssh-keygen -lf prints it), or several while it changes; "insecure-accept-any" takes any server for the right one.',
  },
  host_key_algorithms: {
    type: 'array',
    'x-transport': true,
    minItems: 1,
    maxItems: 10,
    items: {
      type: 'string',
      enum: [
        'ssh-ed25519',
        'ecdsa-sha2-nistp256',
        'ecdsa-sha2-nistp384',
        'ecdsa-sha2-nistp521',
        'rsa-sha2-512',
        'rsa-sha2-256',
        'ssh-rsa',
      ],
    },
    description:
      'Kinds of host key to ask the server for, e.g. that of the pinned one. Default: any modern one.',
  },
};

export const sftpSchema = configurationSchema(
  'SFTP',
  {
    ...server,
    directory: template("Where the files go; placeholders allowed. Default: the user's home directory."),
    filename: template(
      'Name of the file, without slashes; placeholders allowed. Default {delivery_id}.',
      512,
    ),
    conflict: {
      type: 'string',
      enum: ['replace', 'ignore', 'rename', 'fail'],
      description:
        'What to do when the file exists: replace it (default), ignore (leave it, counted as delivered), rename (add the delivery id to the new name) or fail.',
    },
    mkdirs: { type: 'boolean', description: 'Create missing directories. Default false.' },
    permissions: {
      type: 'string',
      pattern: '^0?[0-7]{3}$',
      description: 'Permissions of the file in octal, e.g. "0640". Default: as the server sets them.',
    },
    checksum_file: {
      type: 'boolean',
      description: 'Put <filename>.sha256 beside the file, as sha256sum -c reads it. Default false.',
    },
    done_file: {
      type: 'string',
      pattern: '^[A-Za-z0-9._-]{1,32}$',
      description: 'Ending of an empty file that is made once all is there, e.g. ".done". Default: none.',
    },
    max_connections: {
      type: 'integer',
      minimum: 1,
      maximum: 64,
      description: 'Connections at the same time; each carries one delivery at a time. Default 4.',
    },
    ...deliverySchemas,
  },
  ['host', 'credentials', 'host_key'],
);
