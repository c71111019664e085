import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import axios from 'axios';
import { type Failure, retryAfterSeconds } from '../failure';
import { type GuardedAgents, guardedAgents, trustOnly } from '../network-connect';
import { networkFault } from '../network-faults';
import { type NetworkGuard } from '../network-guard';
import { connectTimeoutMs } from '../schema-parts';
import { plainTls } from '../tls-configuration';
import { type AwsKeys, IdentityFault, type KeySource } from './keys';
import { type RoleConfiguration, type S3Configuration } from './schema';

export interface AssumedRoleOptions {
  configuration: S3Configuration;
  role: RoleConfiguration;
  externalId: string | undefined;
  /** Who assumes the role. */
  source: KeySource;
  guard: NetworkGuard;
}

const REQUEST_TIMEOUT_MS = 10_000;
const DEFAULT_DURATION_SECONDS = 3600;
/** As the SDK: it asks again when keys end within this time. */
const RENEW_MS = 5 * 60_000;

/** Temporary keys of a role (AssumeRole of AWS STS), asked for through the guard, once however many wait. */
export class AssumedRole {
  private cached: AwsKeys | undefined;
  private pending: Promise<AwsKeys> | undefined;
  private readonly agents: GuardedAgents;
  private readonly region: string;
  private readonly endpoint: URL;

  constructor(private readonly options: AssumedRoleOptions) {
    const { configuration, role, guard } = options;
    this.agents = guardedAgents(
      guard,
      trustOnly(plainTls(configuration.tls)),
      connectTimeoutMs(configuration),
    );
    this.region = configuration.region ?? 'us-east-1';
    this.endpoint = new URL(
      role.endpoint ?? `https://sts.${this.region}.amazonaws.com${chinese(this.region)}`,
    );
  }

  /** Rejects with `IdentityFault`. */
  async keys(): Promise<AwsKeys> {
    const { cached } = this;
    if (cached !== undefined && Number(cached.expiration) - Date.now() > RENEW_MS) return cached;
    this.pending ??= this.request().finally(() => (this.pending = undefined));
    this.cached = await this.pending;
    return this.cached;
  }

  private async request(): Promise<AwsKeys> {
    const body = this.form().toString();
    const headers = await this.signed(body);
    try {
      const answer = await axios.post<string>(this.endpoint.href, body, {
        ...this.agents,
        headers,
        timeout: REQUEST_TIMEOUT_MS,
        transitional: { clarifyTimeoutError: true },
        maxContentLength: 65_536,
        responseType: 'text',
        validateStatus: () => true,
      });
      const keys = answer.status === 200 ? keysIn(String(answer.data)) : undefined;
      if (keys !== undefined) return keys;
      const wait = retryAfterSeconds(String(answer.headers['retry-after'] ?? ''), Date.now());
      throw new IdentityFault(refusal(answer.status, textOf(String(answer.data), 'Code'), wait));
    } catch (error) {
      if (error instanceof IdentityFault) throw error;
      const fault = networkFault(error as Error);
      throw new IdentityFault({ ...fault, message: `Assuming the role: ${fault.message}` });
    }
  }

  private form(): URLSearchParams {
    const { role, externalId } = this.options;
    return new URLSearchParams({
      Action: 'AssumeRole',
      Version: '2011-06-15',
      RoleArn: role.role_arn,
      RoleSessionName: role.session_name ?? 'distributor',
      DurationSeconds: String(role.duration_seconds ?? DEFAULT_DURATION_SECONDS),
      ...(externalId === undefined ? {} : { ExternalId: externalId }),
    });
  }

  private async signed(body: string): Promise<Record<string, string>> {
    const { protocol, hostname, host } = this.endpoint;
    const signer = new SignatureV4({
      service: 'sts',
      region: this.region,
      credentials: await this.options.source(),
      sha256: Sha256,
    });
    const request = await signer.sign({
      method: 'POST',
      protocol,
      hostname,
      path: '/',
      headers: { host, 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
      body,
    });
    return request.headers;
  }
}

/** What the signer wants of a hash; Node's, in its words. */
class Sha256 {
  private readonly hash: Hash | Hmac;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret));
  }

  update(chunk: string | ArrayBuffer | ArrayBufferView): void {
    this.hash.update(bytesOf(chunk));
  }

  async digest(): Promise<Uint8Array> {
    return this.hash.digest();
  }

  /** A signature uses each hash once. */
  reset(): void {
    throw new Error('A hash is used once');
  }
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): Buffer {
  if (typeof data === 'string') return Buffer.from(data);
  return ArrayBuffer.isView(data)
    ? Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    : Buffer.from(data);
}

const chinese = (region: string): string => (region.startsWith('cn-') ? '.cn' : '');

/** The text of the first element of a name; keys, tokens, dates and codes hold nothing that XML escapes. */
const textOf = (xml: string, element: string): string =>
  new RegExp(`<${element}>\\s*([^<>&]{1,8192}?)\\s*</${element}>`).exec(xml)?.[1] ?? '';

function keysIn(xml: string): AwsKeys | undefined {
  const [accessKeyId, secretAccessKey, sessionToken, expires] = [
    'AccessKeyId',
    'SecretAccessKey',
    'SessionToken',
    'Expiration',
  ].map((name) => textOf(xml, name)) as [string, string, string, string];
  const expiration = new Date(expires);
  if (accessKeyId === '' || secretAccessKey === '' || sessionToken === '' || Number.isNaN(+expiration))
    return undefined;
  return { accessKeyId, secretAccessKey, sessionToken, expiration };
}

function refusal(status: number, code: string, retryAfterSeconds: number | undefined): Failure {
  const said = `Assuming the role: STS answered ${/^[A-Za-z.]{1,60}$/.test(code) ? code : status}`;
  const busy = status === 429 || /^(Throttling|RequestLimitExceeded|TooManyRequests)/.test(code);
  if (busy || status === 408 || status >= 500) {
    return {
      kind: 'retry',
      code: busy ? 'RATE_LIMITED' : 'RECEIVER_UNAVAILABLE',
      message: `${said}; the delivery is tried again.`,
      retryAfterSeconds,
    };
  }
  const message = `${said}. Check role_arn, external_id, the trust policy of the role and who assumes it, then replay.`;
  return { kind: 'refused', code: 'AUTHENTICATION_FAILED', message };
}
