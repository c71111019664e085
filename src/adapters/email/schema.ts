import { type JsonObject } from '../../kernel/json';
import { type OAuth2Configuration } from '../oauth2-tokens';
import {
  configurationSchema,
  type DeliveryConfiguration,
  deliverySchemas,
  host,
  port,
  scopes,
  secretSchema,
  type SecretValue,
  template,
  text,
  tlsSchema,
  tokenUrl,
} from '../schema-parts';
import { type TlsConfiguration } from '../tls-configuration';

export type Security = 'tls' | 'starttls' | 'opportunistic' | 'none';

export interface CredentialsConfiguration {
  username: string;
  password?: SecretValue;
  access_token?: SecretValue;
  oauth2?: Omit<OAuth2Configuration, 'audience' | 'client_authentication'>;
}

export type AttachmentFormat = 'as_is' | 'json' | 'csv' | 'xml';

export interface AttachmentConfiguration {
  filename?: string;
  format?: AttachmentFormat;
  rows?: string;
}

export interface DkimConfiguration {
  domain: string;
  selector: string;
  private_key: SecretValue;
}

/** A configuration after `parse`, in the words of the schema. */
export interface EmailConfiguration extends DeliveryConfiguration {
  host: string;
  port?: number;
  security?: Security;
  credentials?: CredentialsConfiguration;
  tls?: TlsConfiguration;
  client_name?: string;
  max_connections?: number;
  from: string;
  to: string | string[];
  cc?: string | string[];
  bcc?: string | string[];
  reply_to?: string | string[];
  subject: string;
  text?: string;
  html?: string;
  attachment?: AttachmentConfiguration;
  headers?: Record<string, string>;
  message_id_domain?: string;
  dkim?: DkimConfiguration;
}

const addresses = (description: string): JsonObject => ({
  type: ['string', 'array'],
  minLength: 1,
  maxLength: 1024,
  minItems: 1,
  maxItems: 100,
  'x-placeholders': true,
  description,
  items: { type: 'string', minLength: 1, maxLength: 1024, 'x-placeholders': true },
});

const DOMAIN = '^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$';

const credentials: JsonObject = {
  type: 'object',
  description: 'Of the account at the server: user name with a password, an access token or oauth2.',
  properties: {
    username: text('User name, usually the address.'),
    password: secretSchema('Password.'),
    access_token: secretSchema('Access token for XOAUTH2; one that expires needs oauth2 instead.'),
    oauth2: {
      type: 'object',
      description: 'Where access tokens for XOAUTH2 come from.',
      properties: {
        token_url: tokenUrl,
        client_id: text('Client identifier.'),
        client_secret: secretSchema('Client secret.'),
        refresh_token: secretSchema('Refresh token; without one the client asks for itself.'),
        scopes,
      },
      required: ['token_url', 'client_id', 'client_secret'],
      additionalProperties: false,
    },
  },
  required: ['username'],
  additionalProperties: false,
};

const attachment: JsonObject = {
  type: 'object',
  description: 'The job as an attachment. Without attachment, text and html it is the text of the message.',
  properties: {
    filename: template(
      'Name of the file. Default {data_type}-{distribution_id} with the ending of the format.',
    ),
    format: {
      type: 'string',
      enum: ['as_is', 'json', 'csv', 'xml'],
      description:
        'as_is (default): the job in its own format; otherwise in this one, made of the payload where the job is not in it already.',
    },
    rows: text(
      'Path to an array in the payload: one line of CSV for each element. Default: one line in all.',
    ),
  },
  additionalProperties: false,
};

const dkim: JsonObject = {
  type: 'object',
  description: 'Signs messages by DKIM (RFC 6376).',
  properties: {
    domain: { type: 'string', pattern: DOMAIN, description: 'the domain that signs' },
    selector: { type: 'string', pattern: DOMAIN, description: 'the name of the key below _domainkey' },
    private_key: secretSchema('PEM private key.'),
  },
  required: ['domain', 'selector', 'private_key'],
  additionalProperties: false,
};

export const emailSchema = configurationSchema(
  'EMAIL',
  {
    host: host('Name or address of the SMTP server.'),
    port: port('Default 465 for tls, 25 for none and opportunistic, otherwise 587.'),
    security: {
      type: 'string',
      'x-transport': true,
      enum: ['tls', 'starttls', 'opportunistic', 'none'],
      description:
        'tls: from the first byte (default for port 465); starttls (default otherwise): required before anything is said; opportunistic: encrypted where the server can, only without credentials; none: in the clear.',
    },
    credentials,
    tls: tlsSchema,
    client_name: {
      type: 'string',
      pattern: DOMAIN,
      description: 'name said in EHLO, a domain name; default: the name of the machine',
    },
    max_connections: {
      type: 'integer',
      minimum: 1,
      maximum: 50,
      description: 'Connections to the server at the same time. Default 5.',
    },
    from: template('Sender, as address or Name <address>; placeholders allowed.'),
    to: addresses('Recipients, one address or a list; placeholders allowed, one address in each.'),
    cc: addresses('Recipients of a copy.'),
    bcc: addresses('Recipients whom the others do not see.'),
    reply_to: addresses('Where answers go.'),
    subject: template('Subject; values with line breaks are refused.'),
    text: {
      type: 'string',
      maxLength: 1_000_000,
      'x-placeholders': true,
      description: 'Plain text of the message.',
    },
    html: {
      type: 'string',
      maxLength: 1_000_000,
      'x-placeholders': true,
      description: 'HTML of the message; values are escaped. Braces of style sheets are written twice.',
    },
    attachment,
    headers: {
      type: 'object',
      maxProperties: 100,
      description: 'Further headers; values may hold placeholders, and those with line breaks are refused.',
      additionalProperties: { type: 'string', maxLength: 8192, 'x-placeholders': true },
    },
    message_id_domain: {
      type: 'string',
      pattern: DOMAIN,
      description: "what stands behind the @ of Message-ID, a domain name; default: the sender's domain",
    },
    dkim,
    ...deliverySchemas,
  },
  ['host', 'from', 'to', 'subject'],
);
