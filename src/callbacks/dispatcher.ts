import { createHash } from 'node:crypto';
import { type Adapter, type Delivery, type Outcome } from '../adapters/port';
import { mapSecrets } from '../adapters/secrets';
import { type Senders } from '../adapters/senders';
import { type GroupCommit } from '../database/group-commit';
import { type TenantTransaction } from '../database/tenant-transaction';
import { type DeliveryId, type DistributionId } from '../kernel/ids';
import { type JsonObject } from '../kernel/json';
import { destinationPlace } from '../kernel/places';
import { type SecretBox } from '../kernel/secret-box';
import { type SigningSecrets } from '../tenants/signing-secrets';
import { type CallbackMessage, messageOf } from './body';
import { type CallbackClaims, type ClaimedCallback } from './claim';
import { type CallbackResult, decideCallback } from './record';

export interface DispatcherParts {
  claims: Pick<CallbackClaims, 'due'>;
  recorder: GroupCommit<CallbackResult, CallbackResult>;
  tenants: TenantTransaction;
  signingSecrets: SigningSecrets;
  senders: Senders;
  /** A callback goes out as a REST delivery does: guarded, signed, classified. */
  rest: Adapter;
  box: SecretBox;
  onFault: (error: unknown) => void;
}

const MOST_AT_ONCE = 64;
const POLL_MS = 100;
const TIMEOUT_MS = 30_000;

/** Tells submitters what became of their jobs: claims due callbacks, sends them, records what happened. */
export class CallbackDispatcher {
  private readonly inFlight = new Set<Promise<void>>();
  private loop: Promise<void> | undefined;
  private readonly stopping = new AbortController();
  private wakeUp: () => void = () => undefined;

  constructor(private readonly parts: DispatcherParts) {}

  start(): void {
    this.loop ??= this.run();
  }

  /** What is on its way may end within the grace time; the rest is sent again after its lease. */
  async stop(graceMs: number): Promise<void> {
    this.stopping.abort();
    this.wakeUp();
    await this.loop;
    const grace = new Promise<void>((resolve) => setTimeout(resolve, graceMs).unref());
    await Promise.race([Promise.all(this.inFlight), grace]);
  }

  private async run(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      const room = MOST_AT_ONCE - this.inFlight.size;
      const claimed = room > 0 ? await this.claim(room) : [];
      for (const callback of claimed) this.track(this.dispatch(callback));
      if (room === 0 || claimed.length < room) await this.idle();
    }
  }

  private async claim(room: number): Promise<ClaimedCallback[]> {
    try {
      return await this.parts.claims.due(room);
    } catch (error) {
      this.parts.onFault(error);
      return [];
    }
  }

  private track(work: Promise<void>): void {
    const done = work.catch(this.parts.onFault).finally(() => {
      if (this.inFlight.size >= MOST_AT_ONCE) this.wakeUp();
      this.inFlight.delete(done);
    });
    this.inFlight.add(done);
  }

  private idle(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, POLL_MS);
      this.wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
      if (this.stopping.signal.aborted) this.wakeUp();
    });
  }

  private async dispatch(claimed: ClaimedCallback): Promise<void> {
    const message = await this.parts.tenants.run(claimed.tenant_id, (tx) => messageOf(tx, claimed));
    const outcome = message === undefined ? subjectGone() : await this.send(claimed, message);
    await this.parts.recorder.submit(claimed.tenant_id, decideCallback(claimed, outcome, Math.random()));
  }

  private async send(claimed: ClaimedCallback, message: CallbackMessage): Promise<Outcome> {
    const { rest, box, senders } = this.parts;
    const configuration = { endpoint: claimed.callback_url, headers: message.headers };
    const key = {
      tenantId: claimed.tenant_id,
      destination: `callback/${createHash('sha256').update(JSON.stringify(configuration)).digest('base64url')}`,
      version: 1,
    };
    const opened = mapSecrets(configuration, rest.configurationSchema, (secret) =>
      box.open(secret, destinationPlace(claimed.tenant_id)),
    );
    const parsed = rest.parse(opened);
    if (!parsed.ok) return refused(parsed.issues.map(({ field, issue }) => `${field} ${issue}`).join('; '));
    const delivery = await this.deliveryOf(claimed, message);
    return senders.use(
      key,
      () => rest.open(parsed.value),
      (sender) => sender.deliver(delivery, AbortSignal.timeout(TIMEOUT_MS)),
    );
  }

  private async deliveryOf(claimed: ClaimedCallback, { subject, body }: CallbackMessage): Promise<Delivery> {
    return {
      deliveryId: claimed.id as string as DeliveryId,
      attemptNumber: claimed.attempts + 1,
      tenantId: claimed.tenant_id,
      distributionId: subject.distributionId as DistributionId,
      destinationName: 'callback',
      dataType: subject.dataType,
      correlationId: subject.correlationId,
      traceparent: undefined,
      acceptedAt: claimed.created_at,
      body: Buffer.from(JSON.stringify(body)),
      contentType: 'application/json',
      contentEncoding: undefined,
      payload: body as JsonObject,
      signingSecrets: await this.parts.signingSecrets.valid(claimed.tenant_id),
    };
  }
}

const refused = (message: string): Outcome => ({
  kind: 'refused',
  code: 'CONFIGURATION_INVALID',
  message,
  response: undefined,
  bytesSent: 0,
  log: [],
});

const subjectGone = (): Outcome => refused('the job or batch has left the history');
