import { createHash } from 'node:crypto';
import { type JsonObject } from '../../src/kernel/json';
import { newId } from '../../src/kernel/ids';
import { type DeliveryId, type DistributionId, type TenantId } from '../../src/kernel/ids';
import { NetworkGuard } from '../../src/adapters/network-guard';
import { type Delivery, type Protocol } from '../../src/adapters/port';

/** The name under which the test server is reached: it resolves to 127.0.0.1, and its certificate holds it. */
export const RECEIVER_NAME = 'receiver.test';

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** What the server does with the next deliveries; `echo` accepts and repeats all that it was sent. */
export type Behaviour = 'accept' | 'fail-for-now' | 'refuse' | 'never-answer' | 'echo';

/** One delivery as it stands at the receiver, read by the protocol's own means. */
export interface Arrival {
  /** By which the receiver recognises a repeat. */
  id: string;
  /** What the template of the `templated` configuration made of the payload's `name`, decoded. */
  name: string | undefined;
  bytes: number;
  sha256: string;
}

/** Why a case does not exist in a protocol; printed with the skipped case. */
export type CaseName =
  | 'refusal'
  | 'time-out while connecting'
  | 'time-out during transfer'
  | 'wrong credentials'
  | 'refused health check'
  | 'untrusted certificate'
  | 'hostile names'
  | 'echoed secrets';

/**
 * A real server of one protocol and the configurations that lead to it. The suite drives it through this and
 * knows nothing of the protocol. Configurations use RECEIVER_NAME as host, and credentials that `secrets` lists.
 */
export interface ProtocolHarness {
  readonly protocol: Protocol;
  /** Starts the server; the address stays the same until `stop`. */
  start(): Promise<void>;
  stop(): Promise<void>;
  behave(behaviour: Behaviour): void | Promise<void>;
  /** Ends every connection and refuses new ones, until `comeBack`. */
  disappear(): Promise<void>;
  comeBack(): Promise<void>;
  /** Resolves once the server holds the next delivery in its hands, answered or not. */
  received(): Promise<void>;
  /** What has arrived since the last call, oldest first. */
  arrivals(): Arrival[] | Promise<Arrival[]>;
  /** How many effects the deliveries since the last `arrivals` had at a receiver that knows repeats by the id. */
  effects(): number | Promise<number>;
  /** Connections opened since the start. */
  connections(): number;
  /** The plain way to the server: right credentials, trusted certificate. */
  good(): JsonObject;
  /** The same with the host replaced, e.g. by a literal address. */
  withHost(host: string): JsonObject;
  /** The same, on a port where somebody listens and never says a word. `connect_timeout_seconds` is 0.3. */
  silent(): JsonObject;
  wrongCredentials(): JsonObject;
  /** The same without the authority that signed the server's certificate. */
  untrusted(): JsonObject;
  /** The same with `{payload.name}` in the name under which a delivery arrives. */
  templated(): JsonObject;
  /** Faulty configurations, each with the field and a part of the message. */
  faulty(): { configuration: JsonObject; field: string; issue: string }[];
  /** Every secret in the configurations above. */
  secrets(): string[];
  notApplicable: Partial<Record<CaseName, string>>;
}

const lookup = async (name: string): Promise<{ address: string; family: number }[]> => {
  if (name === RECEIVER_NAME || name === 'inside.test') return [{ address: '127.0.0.1', family: 4 }];
  throw new Error(`ENOTFOUND ${name}`);
};

/** Lets the test servers through. */
export const lenientGuard = (): NetworkGuard => new NetworkGuard(['127.0.0.0/8'], lookup);
/** As in production without allowances: the test servers lie inside. */
export const strictGuard = (): NetworkGuard => new NetworkGuard([], lookup);

/** A delivery of a small job; each call has a new id. */
export function delivery(changes: Partial<Delivery> = {}): Delivery {
  const payload = changes.payload ?? { name: 'plain', amount: 7 };
  return {
    deliveryId: newId<DeliveryId>(),
    attemptNumber: 1,
    tenantId: 'comune-roma' as TenantId,
    distributionId: 'dist-2026-1' as DistributionId,
    destinationName: 'archive',
    dataType: 'ordinance',
    correlationId: 'corr-1',
    traceparent: undefined,
    acceptedAt: new Date('2026-03-09T10:11:12Z'),
    body: Buffer.from(JSON.stringify(payload)),
    contentType: 'application/json',
    contentEncoding: undefined,
    payload,
    signingSecrets: [],
    ...changes,
  };
}
