import { Capture } from '../capture';
import { endedBy, untilEnded } from '../ended-by';
import { CLOSED, failed, type Failure, unwritable } from '../failure';
import { type NetworkGuard } from '../network-guard';
import { type Delivery, type Health, type Outcome, type Sender } from '../port';
import { connectTimeoutMs, DEFAULT_RESPONSE_BYTES } from '../schema-parts';
import { secretTexts } from '../secrets';
import { UnderWay } from '../under-way';
import { BrokerConnection } from './broker';
import { faultFailure, replyCodeOf, type Verdict, verdictFailure } from './classify';
import { assertResolved, type Endpoint, parseEndpoint } from './endpoint';
import { compileMessage, type Message, type MessageTemplate } from './message';
import { type AmqpConfiguration, amqpSchema } from './schema';

export interface AmqpOptions {
  guard: NetworkGuard;
  /** Of the service; the broker shows it beside the connection. */
  version: string;
  /** Milliseconds since the epoch. */
  now: () => number;
}

/** Deliveries to one broker over one connection; the guarantees are those of ./lane and ./broker. */
export class AmqpSender implements Sender {
  private readonly endpoint: Endpoint;
  private readonly template: MessageTemplate;
  private readonly broker: BrokerConnection;
  private readonly capture: Capture;
  private readonly underWay = new UnderWay();

  /** Opens nothing yet. The configuration has passed `parse`, its references are resolved; throws otherwise. */
  constructor(
    configuration: AmqpConfiguration,
    private readonly options: AmqpOptions,
  ) {
    assertResolved(configuration.connection);
    const { endpoint, issues } = parseEndpoint(configuration.connection, options.guard);
    const compiled = compileMessage(configuration);
    const [issue] = [...issues, ...compiled.issues];
    if (issue !== undefined) throw new Error(`${issue.field} ${issue.issue}`);
    this.endpoint = endpoint;
    this.template = compiled.template;
    this.broker = new BrokerConnection(endpoint, {
      ...options,
      connectTimeoutMs: connectTimeoutMs(configuration),
    });
    const secrets = secretTexts(configuration, amqpSchema);
    this.capture = new Capture(DEFAULT_RESPONSE_BYTES, [...secrets, ...passwordOf(endpoint)]);
  }

  deliver(delivery: Delivery, signal: AbortSignal): Promise<Outcome> {
    return this.underWay.track(this.attempt(delivery, signal));
  }

  async checkHealth(signal: AbortSignal): Promise<Health> {
    const started = performance.now();
    const latency = (): number => Math.round(performance.now() - started);
    try {
      const exchange = this.template.exchange ?? '';
      await untilEnded(this.broker.probe(exchange), signal);
      const { blocked } = this.broker;
      if (blocked === undefined) {
        const checked = exchange === '' ? '' : ' and has the exchange';
        return { status: 'healthy', latencyMs: latency(), message: `The broker answers${checked}.` };
      }
      const { code, message } = BLOCKED;
      return { status: 'unhealthy', latencyMs: latency(), code, message };
    } catch (error) {
      const { code, message } = faultFailure(error as Error);
      return { status: 'unhealthy', latencyMs: latency(), code, message };
    }
  }

  /** Waits for the deliveries under way, which end by their own signals. */
  close(): Promise<void> {
    return this.underWay.close(() => this.broker.close());
  }

  private async attempt(delivery: Delivery, signal: AbortSignal): Promise<Outcome> {
    if (this.underWay.isClosing) return failed(CLOSED);
    const prepared = this.template.render(delivery, this.options.now());
    if (!prepared.ok) return failed(unwritable(prepared.issue));
    const progress = { bytesSent: 0 };
    try {
      if (signal.aborted) throw endedBy(signal);
      const verdict = await untilEnded(this.send(prepared.message, signal, progress), signal);
      return this.outcome(verdict, delivery, progress.bytesSent);
    } catch (error) {
      return this.fault(error as Error, delivery, progress.bytesSent);
    }
  }

  /** On the shared lane; when that ends under several messages, once more by itself within the same attempt. */
  private async send(
    message: Message,
    signal: AbortSignal,
    progress: { bytesSent: number },
  ): Promise<Verdict | Failure> {
    const lane = await this.broker.sharedLane();
    if (signal.aborted) throw endedBy(signal);
    if (this.broker.blocked !== undefined) return BLOCKED;
    progress.bytesSent = message.body.length;
    const verdict = await lane.publish(message);
    if (verdict.kind !== 'fault' || verdict.alone || replyCodeOf(verdict.error) === undefined) return verdict;
    return this.broker.alone((own) => {
      if (signal.aborted) throw endedBy(signal);
      return own.publish(message);
    });
  }

  private outcome(verdict: Verdict | Failure, delivery: Delivery, bytesSent: number): Outcome {
    switch (verdict.kind) {
      case 'confirmed':
        return { kind: 'delivered', response: undefined, bytesSent, log: [] };
      case 'fault':
        return this.fault(verdict.error, delivery, bytesSent);
      case 'returned': {
        const body = this.capture.text(Buffer.from(verdict.replyText), delivery.signingSecrets);
        const response = { statusCode: verdict.replyCode, body };
        return failed(verdictFailure(verdict), { response, bytesSent, log: [this.line(`returned ${body}`)] });
      }
      case 'nacked':
        return failed(verdictFailure(verdict), { bytesSent, log: [this.line('nack')] });
      case 'retry':
      case 'refused':
        return failed(verdict, { bytesSent, log: [this.line(verdict.message)] });
    }
  }

  private fault(error: Error, delivery: Delivery, bytesSent: number): Outcome {
    const failure = faultFailure(error);
    const words = this.capture.hide(error.message, delivery.signingSecrets);
    const replyCode = replyCodeOf(error);
    const response =
      replyCode === undefined
        ? undefined
        : {
            statusCode: replyCode,
            body: this.capture.text(Buffer.from(error.message), delivery.signingSecrets),
          };
    return failed(failure, { response, bytesSent, log: [this.line(`${failure.code}: ${words}`)] });
  }

  private line(message: string): Outcome['log'][number] {
    const { brokers, secure } = this.endpoint;
    const where = brokers.map(({ host, port }) => `${host}:${port}`).join(',');
    return { level: 'warn', message: `${secure ? 'amqps' : 'amqp'}://${where}: ${message}` };
  }
}

const BLOCKED: Failure = {
  kind: 'retry',
  code: 'RECEIVER_UNAVAILABLE',
  message: 'The broker takes no messages for now (alarm of memory or disk); the delivery is tried again.',
};

/** The well-known default is no secret, and hiding it would hide the word. */
const passwordOf = ({ password }: Endpoint): string[] => (password === 'guest' ? [] : [password]);
