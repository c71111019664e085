import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { type ConsumeMessage } from 'amqplib';
import { type Callers, credentialIn } from '../identity/callers';
import { type Submitted } from '../intake/prepare';
import { parseJson } from '../intake/parse-json';
import { parseBody, submissionSchema } from '../intake/submission';
import { ApiError, invalid } from '../kernel/errors';
import { isTenantId, saneRequestId, type TenantId } from '../kernel/ids';
import { actorOf, type Caller, checkTenant, foreignTenant, may, type TenantCaller } from '../tenants/scopes';
import { contentOf } from './cloud-event';

export interface ReaderParts {
  callers: Callers;
  /** Broker users that need no credential beside their own (AMQP_USER_TENANTS). */
  userTenants: ReadonlyMap<string, TenantId>;
  maxBytes: number;
  maxDepth: number;
}

const unzip = promisify(gunzip);
const ROUTING_KEY = /^submit\.(.+)$/;
const LONGEST_NAME = 100;

/** The tenant that a message says it is for; undefined where its routing key is not of the contract. */
export function tenantOf({ fields }: ConsumeMessage): TenantId | undefined {
  const [, tenantId = ''] = ROUTING_KEY.exec(fields.routingKey) ?? [];
  return isTenantId(tenantId) ? tenantId : undefined;
}

/** Message -> submission, by the same parsers and under the same limits as over HTTP. */
export class MessageReader {
  constructor(private readonly parts: ReaderParts) {}

  /** @throws ApiError where the message can never become a job. */
  async read(message: ConsumeMessage): Promise<Submitted> {
    const { content, properties } = message;
    const caller = await this.tenantCaller(message);
    const { maxBytes, maxDepth } = this.parts;
    const bytes = await inflated(content, properties.contentEncoding, maxBytes);
    const { body, eventId } = contentOf(properties, bytes, (part) => parseJson(part, maxDepth));
    const parsed = parseBody(submissionSchema, body);
    if (!parsed.ok) throw new ApiError('VALIDATION_ERROR', 'the request is not valid', parsed.issues);
    checkTenant(caller, parsed.value.tenant_id);
    const idempotencyKey = nameOf(properties.messageId, 'message_id') ?? nameOf(eventId, 'id');
    const correlationId = saneRequestId(properties.headers?.['x-correlation-id']) ?? requestIdOf(message);
    return { submission: parsed.value, circumstances: { caller, correlationId, idempotencyKey } };
  }

  private async tenantCaller(message: ConsumeMessage): Promise<TenantCaller> {
    const caller = await this.caller(message);
    const tenantId = tenantOf(message);
    if (tenantId === undefined) throw invalid('routing_key', 'must be submit.{tenant_id}');
    if (caller.tenantId !== undefined && caller.tenantId !== tenantId) throw foreignTenant('routing_key');
    if (!may(caller, 'distribution:submit')) {
      throw new ApiError('AUTHORIZATION_FAILED', 'you lack the scope distribution:submit');
    }
    return { ...caller, tenantId };
  }

  private async caller({ properties: { headers = {}, userId } }: ConsumeMessage): Promise<Caller> {
    const credential = credentialIn((name) => textOf(headers[name]));
    if (credential !== undefined) {
      const caller = await this.parts.callers.find(credential);
      if (caller !== undefined) return caller;
      throw new ApiError('AUTHENTICATION_FAILED', 'the API key or token is not valid');
    }
    // The broker lets nobody publish under another user's name.
    const user = textOf(userId) ?? '';
    const tenantId = this.parts.userTenants.get(user);
    if (tenantId !== undefined) {
      return { actor: actorOf('broker', user), tenantId, scopes: new Set(['distribution:submit']) };
    }
    throw new ApiError(
      'AUTHENTICATION_FAILED',
      'an API key is required, in the header x-api-key, or a token, as authorization: Bearer …, or the user_id ' +
        'of a broker user that AMQP_USER_TENANTS binds to a tenant',
    );
  }
}

/** By what an answer and the log find the message: the sender's own id where it is sane. */
export const requestIdOf = ({ properties }: ConsumeMessage): string | undefined =>
  saneRequestId(properties.correlationId) ?? saneRequestId(properties.messageId);

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

function nameOf(value: unknown, field: string): string | undefined {
  const name = textOf(value);
  if (name === undefined || name === '') return undefined;
  if (name.length > LONGEST_NAME || /[\u0000-\u001f\u007f]/.test(name)) {
    const issue = `must be at most ${LONGEST_NAME} characters, without control characters: it names the submission`;
    throw invalid(field, issue);
  }
  return name;
}

async function inflated(bytes: Buffer, encoding: unknown, maxBytes: number): Promise<Buffer> {
  const tooLarge = () => new ApiError('PAYLOAD_TOO_LARGE', 'the body is too large (API_MAX_REQUEST_SIZE)');
  if (bytes.length > maxBytes) throw tooLarge();
  if (encoding === undefined || encoding === 'identity') return bytes;
  if (encoding !== 'gzip') throw invalid('content_encoding', 'must be gzip or absent');
  try {
    return await unzip(bytes, { maxOutputLength: maxBytes });
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge();
    throw invalid('body', 'is not valid gzip, although content_encoding says so');
  }
}
