import { type JsonObject } from '../../kernel/json';
import {
  configurationSchema,
  type DeliveryConfiguration,
  deliverySchemas,
  secretSchema,
  type SecretValue,
  template,
  text,
  tlsSchema,
} from '../schema-parts';
import { type TlsConfiguration } from '../tls-configuration';

export interface S3Credentials {
  access_key_id: string;
  secret_access_key: SecretValue;
  session_token?: SecretValue;
}

export interface RoleConfiguration {
  role_arn: string;
  external_id?: string;
  session_name?: string;
  duration_seconds?: number;
  endpoint?: string;
}

export interface BatchConfiguration {
  max_deliveries?: number;
  max_wait_ms?: number;
}

/** A configuration after `parse`, in the words of the schema. */
export interface S3Configuration extends DeliveryConfiguration {
  bucket: string;
  key?: string;
  region?: string;
  endpoint?: string;
  force_path_style?: boolean;
  credentials?: S3Credentials;
  service_identity?: boolean;
  assume_role?: RoleConfiguration;
  tls?: TlsConfiguration;
  content_type?: string;
  metadata?: Record<string, string>;
  tags?: Record<string, string>;
  storage_class?: string;
  encryption?: 'AES256' | 'aws:kms';
  kms_key_id?: string;
  checksums?: 'when_required' | 'always';
  if_none_match?: boolean | '*';
  part_size_bytes?: number;
  batch?: BatchConfiguration;
}

const credentials: JsonObject = {
  type: 'object',
  description: "The receiver's access key. Without it requests go unsigned, unless service_identity is set.",
  properties: {
    access_key_id: {
      type: 'string',
      pattern: '^[\\x21-\\x7e]{1,256}$',
      description: 'Access key id; no blanks.',
    },
    secret_access_key: secretSchema('Secret access key.'),
    session_token: secretSchema('Session token, where the key is a temporary one.'),
  },
  required: ['access_key_id', 'secret_access_key'],
  additionalProperties: false,
};

const assumeRole: JsonObject = {
  type: 'object',
  'x-transport': true,
  description: 'A role to assume before, by credentials or service_identity; its temporary keys are renewed.',
  properties: {
    role_arn: {
      type: 'string',
      pattern: '^arn:[\\w-]+:iam::[\\w]*:role/[\\w+=,.@/-]{1,512}$',
      description: 'ARN of the role, e.g. arn:aws:iam::123456789012:role/archive.',
    },
    external_id: {
      type: 'string',
      pattern: '^[\\w+=,.@:/-]{2,1224}$',
      description:
        "External id that the role's trust policy wants; letters, digits and + = , . @ : / -. With service_identity it is always the tenant's id.",
    },
    session_name: {
      type: 'string',
      pattern: '^[\\w+=,.@-]{2,64}$',
      description:
        'Name of the session in logs; 2 to 64 letters, digits and + = , . @ -. Default distributor.',
    },
    duration_seconds: {
      type: 'integer',
      minimum: 900,
      maximum: 43_200,
      description: 'Life of the temporary keys. Default 3600.',
    },
    endpoint: text('http:// or https:// URL of the token service. Default: AWS STS in the region.', {
      maxLength: 2048,
      'x-address': true,
    }),
  },
  required: ['role_arn'],
  additionalProperties: false,
};

const object: Record<string, JsonObject> = {
  content_type: {
    type: 'string',
    pattern: '^[\\x21-\\x7e][\\x20-\\x7e]{0,254}$',
    description: "Media type of the objects, printable ASCII. Default: the job's own.",
  },
  metadata: {
    type: 'object',
    description:
      "Further metadata of each object, beside delivery-id. Names of letters, digits, '-' and '_'.",
    maxProperties: 50,
    propertyNames: {
      pattern: '^[A-Za-z0-9_-]{1,128}$',
      description: "letters, digits, '-' and '_', at most 128",
    },
    additionalProperties: template('Value of the metadata; placeholders allowed.', 2048),
  },
  tags: {
    type: 'object',
    description: 'Tags of each object; at most 10.',
    maxProperties: 10,
    propertyNames: {
      pattern: '^[\\p{L}\\p{Z}\\p{N}_.:/=+@-]{1,128}$',
      description: 'letters, digits, blanks and _ . : / = + - @, at most 128',
    },
    additionalProperties: template('Value of the tag; placeholders allowed.', 256),
  },
  storage_class: {
    type: 'string',
    pattern: '^[A-Z][A-Z0-9_]{0,63}$',
    description: "Storage class in the receiver's words, e.g. STANDARD_IA. Default: the bucket's.",
  },
  encryption: {
    type: 'string',
    enum: ['AES256', 'aws:kms'],
    description: "Encryption at rest by the receiver. Default: the bucket's.",
  },
  kms_key_id: {
    type: 'string',
    pattern: '^[\\x21-\\x7e]{1,2048}$',
    description: 'Key for the encryption aws:kms, by id, alias or ARN.',
  },
};

const batch: JsonObject = {
  type: 'object',
  description:
    'Several deliveries in one NDJSON object, a line with its delivery_id for each; key is then the beginning of its name. Default: one object for each.',
  properties: {
    max_deliveries: {
      type: 'integer',
      minimum: 2,
      maximum: 1000,
      description: 'Deliveries in one object, at most. No more come at once than max_in_flight. Default 64.',
    },
    max_wait_ms: {
      type: 'integer',
      minimum: 0,
      maximum: 60_000,
      description: 'How long the first one waits for others; within the time of an attempt. Default 1000.',
    },
  },
  additionalProperties: false,
};

export const s3Schema = configurationSchema(
  'S3',
  {
    bucket: { ...template('Name of the bucket; placeholders allowed.', 512), 'x-address': true },
    key: template(
      'Name of the objects; placeholders allowed. Default {delivery_id}, the same for every repeat; with batch {date:yyyy/MM/dd}/.',
      1024,
    ),
    region: {
      type: 'string',
      pattern: '^[a-z0-9][a-z0-9-]{0,62}$',
      'x-address': true,
      description: "Region, e.g. eu-south-1; lower-case letters, digits and '-'. Default us-east-1.",
    },
    endpoint: text("http:// or https:// URL of another provider's S3. Default: AWS in the region.", {
      maxLength: 2048,
      'x-address': true,
    }),
    force_path_style: {
      type: 'boolean',
      description: 'Bucket in the path instead of the host name, as most own servers want it. Default false.',
    },
    credentials,
    service_identity: {
      type: 'boolean',
      // A job that says who signs takes no registered key along.
      'x-transport': true,
      description:
        "Sign with the service's own AWS identity, where the operator lends it to the tenant. Default false.",
    },
    assume_role: assumeRole,
    tls: tlsSchema,
    ...object,
    checksums: {
      type: 'string',
      enum: ['when_required', 'always'],
      description:
        'always: CRC32 with each upload, verified by AWS; other servers may refuse it. Default when_required.',
    },
    if_none_match: {
      type: ['boolean', 'string'],
      enum: [true, false, '*'],
      description:
        'Never replace an object: refuse the delivery when another one has the key. Default false.',
    },
    part_size_bytes: {
      type: 'integer',
      minimum: 5_242_880,
      maximum: 1_073_741_824,
      description:
        'Longer bodies are uploaded in parts of this size, four at a time. Default 8388608 (8 MiB).',
    },
    batch,
    ...deliverySchemas,
  },
  ['bucket'],
);
