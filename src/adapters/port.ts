import { type JsonObject } from '../kernel/json';
import { type Issue } from '../kernel/errors';
import { type DeliveryId, type DistributionId, type TenantId } from '../kernel/ids';

export const PROTOCOLS = ['REST', 'AMQP', 'JDBC', 'S3', 'SFTP', 'EMAIL'] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** Why a delivery did not arrive; one paragraph each in docs/errors.md. */
export const DELIVERY_ERROR_CODES = [
  'CONNECTION_FAILED',
  'NAME_RESOLUTION_FAILED',
  'NETWORK_FORBIDDEN',
  'TLS_FAILED',
  'TIMEOUT',
  'ABORTED',
  'AUTHENTICATION_FAILED',
  'RATE_LIMITED',
  'RECEIVER_UNAVAILABLE',
  'RECEIVER_REFUSED',
  'REDIRECT_REFUSED',
  'RECEIVER_GONE',
  'CONFIGURATION_INVALID',
] as const;
export type DeliveryErrorCode = (typeof DELIVERY_ERROR_CODES)[number];

/** What one attempt hands over. The body is serialised already; the adapter adds addressing and envelope. */
export interface Delivery {
  /** Stable for all attempts of this destination of this job; reaches the receiver in the protocol's own way. */
  deliveryId: DeliveryId;
  attemptNumber: number;
  tenantId: TenantId;
  distributionId: DistributionId;
  destinationName: string;
  dataType: string;
  correlationId: string;
  traceparent: string | undefined;
  /** Source of `{date:…}` placeholders: acceptance of the job, so that a repeat renders the same name. */
  acceptedAt: Date;
  body: Buffer;
  contentType: string;
  contentEncoding: 'gzip' | undefined;
  /** Source of `{payload.a.b}` placeholders and of row-wise protocols. */
  payload: JsonObject;
  /** `whsec_…` secrets that sign this delivery, the current one first; empty where the tenant has none. */
  signingSecrets: readonly string[];
}

/** What is kept of an answer: status, headers without secrets, the first bytes of the body. */
export interface CapturedResponse {
  statusCode: number | undefined;
  body: string | undefined;
}

export interface LogLine {
  level: 'info' | 'warn' | 'error';
  message: string;
}

interface OutcomeFacts {
  response: CapturedResponse | undefined;
  bytesSent: number;
  /** What the attempt's row cannot say: which address, which receiver's words. Never a secret. */
  log: LogLine[];
}

/** How an attempt ended. Closed: whoever handles it handles every case. */
export type Outcome =
  | (OutcomeFacts & { kind: 'delivered' })
  | (OutcomeFacts & {
      kind: 'retry';
      code: DeliveryErrorCode;
      message: string;
      retryAfterSeconds: number | undefined;
    })
  | (OutcomeFacts & {
      kind: 'refused';
      code: DeliveryErrorCode;
      message: string;
      /** The receiver said that it will never take deliveries again (HTTP 410). */
      disableDestination?: boolean;
    });

export type Health =
  | { status: 'healthy'; latencyMs: number; message: string }
  | { status: 'unhealthy'; latencyMs: number; code: DeliveryErrorCode; message: string };

/**
 * An open way to one version of one destination: its connection pool and credentials. `deliver` never
 * throws for anything that a network or receiver can do; it ends within the signal.
 */
export interface Sender {
  deliver(delivery: Delivery, signal: AbortSignal): Promise<Outcome>;
  /** Cheap and free of side effects at the receiver. */
  checkHealth(signal: AbortSignal): Promise<Health>;
  close(): Promise<void>;
}

export type Parsed<T> = { ok: true; value: T } | { ok: false; issues: Issue[] };

/**
 * One protocol. `configurationSchema` (JSON Schema 2020-12; secret fields carry `"x-secret": true`) is
 * the single source of validation, console form and documentation.
 */
export interface Adapter<Configuration = unknown> {
  readonly protocol: Protocol;
  readonly title: string;
  readonly configurationSchema: JsonObject;
  /** Field-exact: every issue names the path inside the configuration. */
  parse(configuration: unknown): Parsed<Configuration>;
  /** Cheap; connects lazily. Secrets are plain text by now, `{env}` references resolved; `tenantId` where the tenant matters. */
  open(configuration: Configuration, tenantId?: TenantId): Sender;
}
