import { Capture } from '../capture';
import { failed, retryAfterSeconds, unwritable } from '../failure';
import { networkFault } from '../network-faults';
import { type NetworkGuard } from '../network-guard';
import { TokenSource } from '../oauth2-tokens';
import { type Delivery, type Health, type LogLine, type Outcome, type Sender } from '../port';
import { plain } from '../schema-parts';
import { secretTexts } from '../secrets';
import { sign } from '../signature';
import { constantAuthHeader } from './auth';
import { requestBody, type RequestBody } from './body';
import { statusVerdicts, type Verdict } from './classify';
import { Connections } from './connections';
import { type Answer, exchange, type ExchangeRequest, type Fault } from './exchange';
import { type CustomHeader, deliveryHeaders, parseHeaders } from './headers';
import { checkHealth } from './health';
import { follow } from './redirects';
import { credentialsInQuery, type RestConfiguration, restSchema } from './schema';
import { parseTarget, type Target } from './target';

export interface RestOptions {
  guard: NetworkGuard;
  /** Of the service; goes into `user-agent`. */
  version: string;
  /** Milliseconds since the epoch. */
  now: () => number;
}

const DEFAULT_RESPONSE_BYTES = 8192;

type Prepared = { ok: true; request: ExchangeRequest } | { ok: false; issue: string };

/**
 * Deliveries by HTTP to one endpoint, over one pool of kept connections. Everything that does not depend on
 * the delivery is worked out here once: the hot path only signs, fills in and sends.
 */
export class RestSender implements Sender {
  private readonly target: Target;
  private readonly connections: Connections;
  private readonly authHeader: string | undefined;
  private readonly capture: Capture;
  private readonly verdictOf: (statusCode: number) => Verdict;
  private readonly customHeaders: CustomHeader[];
  private readonly constantHeaders: string[];
  private readonly ownSecrets: readonly string[] | undefined;
  private readonly tokens: TokenSource | undefined;
  private readonly hasOwnContentType: boolean;
  private closing: Promise<void> | undefined;

  /** Opens nothing yet. The configuration has passed `parse`, its references are resolved; throws otherwise. */
  constructor(
    private readonly configuration: RestConfiguration,
    private readonly options: RestOptions,
  ) {
    const target = parseTarget(configuration.endpoint, options.guard);
    if (!target.ok) throw new Error(`endpoint ${target.issue}`);
    this.target = target.target;
    this.connections = new Connections(this.target.origin, configuration, options.guard);
    const secrets = secretTexts(configuration, restSchema);
    const auth = constantAuthHeader(configuration.auth);
    this.authHeader = auth?.[0];
    this.capture = new Capture(configuration.max_response_bytes ?? DEFAULT_RESPONSE_BYTES, [
      ...secrets,
      ...withoutScheme([...secrets, auth?.[1] ?? '']),
      ...credentialsInQuery(configuration.endpoint),
    ]);
    this.verdictOf = statusVerdicts(configuration.success_statuses, configuration.retry_statuses);
    const { headers, issues } = parseHeaders(configuration);
    if (issues[0] !== undefined) throw new Error(`${issues[0].field} ${issues[0].issue}`);
    this.customHeaders = headers;
    this.constantHeaders = this.constantPart(auth);
    this.hasOwnContentType = this.customHeaders.some(({ name }) => name === 'content-type');
    this.ownSecrets = ownSigningSecrets(configuration);
    this.tokens = this.openTokens();
  }

  async deliver(delivery: Delivery, signal: AbortSignal): Promise<Outcome> {
    const prepared = this.prepare(delivery);
    if (!prepared.ok) return failed(unwritable(prepared.issue));
    const { request } = prepared;
    if (this.tokens === undefined) return this.outcome(delivery, request, await this.send(request, signal));
    return this.deliverWithToken(delivery, request, signal, this.tokens);
  }

  async checkHealth(signal: AbortSignal): Promise<Health> {
    const headers = [...this.constantHeaders];
    if (this.tokens !== undefined) {
      const result = await this.tokens.token(signal);
      if (!result.ok) {
        return {
          status: 'unhealthy',
          latencyMs: 0,
          code: result.failure.code,
          message: result.failure.message,
        };
      }
      headers.push('authorization', `Bearer ${result.token}`);
    }
    return checkHealth({
      origin: this.target.origin,
      path: this.target.path.constant ?? '/',
      configured: this.configuration.health_check ?? {},
      headers,
      agents: this.connections.agents(),
      signal,
    });
  }

  /** Waits for the deliveries under way, which end by their own signals. */
  close(): Promise<void> {
    this.closing ??= this.connections.pool.close();
    return this.closing;
  }

  private openTokens(): TokenSource | undefined {
    const { auth } = this.configuration;
    if (auth?.type !== 'oauth2') return undefined;
    return new TokenSource(auth, {
      field: 'auth',
      agents: this.connections.agentsElsewhere(),
      now: this.options.now,
    });
  }

  private constantPart(auth: [string, string] | undefined): string[] {
    const own = this.customHeaders.flatMap(({ name, value }) =>
      value.constant === undefined ? [] : [name, value.constant],
    );
    const agent = this.customHeaders.some(({ name }) => name === 'user-agent')
      ? []
      : ['user-agent', `Distributor/${this.options.version}`];
    return [...agent, ...(auth ?? []), ...own];
  }

  private prepare(delivery: Delivery): Prepared {
    const path = this.target.path.render(delivery);
    if (!path.ok) return { ok: false, issue: `endpoint: ${path.issue}` };
    const method = this.configuration.method ?? 'POST';
    const body = requestBody(
      method === 'GET' ? 'none' : (this.configuration.body_format ?? 'as_is'),
      delivery,
    );
    const headers = this.headersFor(delivery, body);
    if (typeof headers === 'string') return { ok: false, issue: headers };
    return { ok: true, request: { method, path: path.value, headers, body: body.bytes } };
  }

  /** The flat list of headers, or why there is none. */
  private headersFor(delivery: Delivery, body: RequestBody): string[] | string {
    const timestamp = Math.floor(this.options.now() / 1000);
    const secrets = this.ownSecrets ?? delivery.signingSecrets;
    const headers = deliveryHeaders(
      delivery,
      timestamp,
      sign(delivery.deliveryId, timestamp, body.bytes, secrets),
    );
    for (const header of this.constantHeaders) headers.push(header);
    if (body.contentType !== undefined && !this.hasOwnContentType)
      headers.push('content-type', body.contentType);
    if (body.contentEncoding !== undefined) headers.push('content-encoding', body.contentEncoding);
    if (body.headers !== undefined) headers.push(...body.headers);
    for (const { name, value } of this.customHeaders) {
      if (value.constant !== undefined) continue;
      const rendered = value.render(delivery);
      if (!rendered.ok) return `headers.${name}: ${rendered.issue}`;
      headers.push(name, rendered.value);
    }
    return headers;
  }

  private async send(request: ExchangeRequest, signal: AbortSignal): Promise<Answer | Fault> {
    const { pool } = this.connections;
    const maxBytes = this.capture.readBytes;
    const answer = await exchange(pool, request, maxBytes, signal);
    const { max_redirects: max = 0 } = this.configuration;
    // A status that counts as delivered is no way to somewhere else.
    if (max === 0 || answer.kind === 'fault' || this.verdictOf(answer.statusCode).kind !== 'refused')
      return answer;
    return follow(answer, request, {
      max,
      origin: this.target.origin,
      pool,
      elsewhere: (origin) => this.connections.elsewhere(origin),
      authHeader: this.authHeader,
      maxBytes,
      signal,
    });
  }

  /** A 401 may mean that the token was withdrawn: one fresh token, one more try within the same attempt. */
  private async deliverWithToken(
    delivery: Delivery,
    request: ExchangeRequest,
    signal: AbortSignal,
    tokens: TokenSource,
  ): Promise<Outcome> {
    const first = await tokens.token(signal);
    if (!first.ok) return failed(first.failure);
    const answer = await this.send(withToken(request, first.token), signal);
    if (answer.kind === 'fault' || answer.statusCode !== 401) {
      return this.outcome(delivery, request, answer, first.token);
    }
    tokens.forget(first.token);
    const second = await tokens.token(signal);
    if (!second.ok) return failed(second.failure, { bytesSent: request.body.length });
    const repeated = await this.send(withToken(request, second.token), signal);
    return this.outcome(delivery, request, repeated, second.token);
  }

  private outcome(
    delivery: Delivery,
    request: ExchangeRequest,
    result: Answer | Fault,
    token?: string,
  ): Outcome {
    if (result.kind === 'fault') {
      const fault = networkFault(result.error);
      const detail = this.capture.hide(result.error.message, delivery.signingSecrets);
      const log = [this.line(request, `${fault.code}: ${detail}`)];
      return failed(fault, { bytesSent: result.started ? request.body.length : 0, log });
    }
    const { statusCode, cut } = result;
    const verdict = this.verdictOf(statusCode);
    const more = token === undefined ? delivery.signingSecrets : [...delivery.signingSecrets, token];
    const log: LogLine[] = [];
    if (cut !== undefined)
      log.push(this.line(request, `the answer ${statusCode} was not read to its end: ${cut.message}`));
    const response = { statusCode, body: this.capture.text(result.body, more) };
    const bytesSent = request.body.length;
    if (verdict.kind === 'delivered') return { kind: 'delivered', response, bytesSent, log };
    log.push(this.line(request, `answered ${statusCode}`));
    if (verdict.kind === 'refused') return failed(verdict, { response, bytesSent, log });
    const wait = retryAfterSeconds(result.retryAfter, this.options.now());
    return failed({ ...verdict, retryAfterSeconds: wait }, { response, bytesSent, log });
  }

  /** Without path and query: they may hold what the job holds. */
  private line(request: ExchangeRequest, message: string): LogLine {
    return { level: 'warn', message: `${request.method} ${this.target.origin}: ${message}` };
  }
}

const withToken = (request: ExchangeRequest, token: string): ExchangeRequest => ({
  ...request,
  headers: [...request.headers, 'authorization', `Bearer ${token}`],
});

/** A receiver may repeat the credentials of `Basic …` or `Bearer …` without the word before them. */
const withoutScheme = (values: readonly string[]): string[] =>
  values.flatMap((value) => /^[A-Za-z]+ +(\S.*)$/.exec(value)?.[1] ?? []);

/** The destination's own signing secrets go before the tenant's. */
function ownSigningSecrets(configuration: RestConfiguration): string[] | undefined {
  const { signing_secret, previous_signing_secret } = configuration;
  if (signing_secret === undefined) return undefined;
  return [signing_secret, ...(previous_signing_secret === undefined ? [] : [previous_signing_secret])].map(
    plain,
  );
}
