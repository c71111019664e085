import { createHash } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import {
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  type PutObjectCommandInput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Capture } from '../capture';
import { endedBy, untilEnded } from '../ended-by';
import { CLOSED, failed, unwritable } from '../failure';
import { type Delivery, type Health, type Outcome, type Sender } from '../port';
import { connectTimeoutMs, DEFAULT_RESPONSE_BYTES } from '../schema-parts';
import { secretTexts } from '../secrets';
import { Slots } from '../slots';
import { plainTls } from '../tls-configuration';
import { UnderWay } from '../under-way';
import { GuardedS3Agents } from './agents';
import { Batches } from './batch';
import { answerOf, answerVerdict, faultVerdict, type S3Answer } from './classify';
import { openClient } from './client';
import { type Identity, identityOf, type IdentityOptions } from './identity';
import { type AwsKeys, IdentityFault } from './keys';
import { DELIVERY_ID, type ObjectTemplates, parseObject, renderObject } from './object';
import { type S3Configuration, s3Schema } from './schema';
import { upload } from './upload';

const DEFAULT_CONNECTIONS = 64;

type Stored = PutObjectCommandInput & { Body: Buffer };

/** One object for each delivery, over kept connections to one S3 endpoint. */
export class S3Sender implements Sender {
  private readonly templates: ObjectTemplates;
  private readonly agents: GuardedS3Agents;
  private readonly identity: Identity;
  /** The last ones that were asked for, for hiding them in what a receiver echoes. */
  private askedKeys: AwsKeys | undefined;
  readonly client: S3Client;
  readonly slots: Slots;
  private readonly capture: Capture;
  private readonly batches: Batches | undefined;
  readonly underWay = new UnderWay();

  /** Opens nothing yet. The configuration has passed `parse`, its references are resolved; throws otherwise. */
  constructor(
    private readonly configuration: S3Configuration,
    options: IdentityOptions,
  ) {
    const { templates, issues } = parseObject(configuration);
    if (issues[0] !== undefined) throw new Error(`${issues[0].field} ${issues[0].issue}`);
    this.templates = templates;
    const connections = configuration.max_in_flight ?? DEFAULT_CONNECTIONS;
    this.slots = new Slots(connections);
    this.agents = new GuardedS3Agents({
      guard: options.guard,
      tls: plainTls(configuration.tls),
      connectTimeoutMs: connectTimeoutMs(configuration),
      connections,
    });
    this.identity = identityOf(configuration, options);
    this.client = openClient(configuration, this.agents, this.identity);
    const { batch } = configuration;
    this.batches = batch && new Batches(batch, (input, signal) => this.store(input, signal));
    const secrets = secretTexts(configuration, s3Schema);
    this.capture = new Capture(DEFAULT_RESPONSE_BYTES, secrets);
  }

  async deliver(delivery: Delivery, signal: AbortSignal): Promise<Outcome> {
    if (signal.aborted) return failed(faultVerdict(endedBy(signal)));
    if (this.underWay.isClosing) return failed(CLOSED);
    const rendered = renderObject(this.templates, this.configuration, delivery);
    if (!rendered.ok) return failed(unwritable(rendered.issue));
    // One signal may serve a whole batch of deliveries.
    setMaxListeners(0, signal);
    const storing =
      this.batches === undefined
        ? this.store({ ...rendered.input, Body: delivery.body }, signal)
        : this.batched(this.batches, rendered.input, delivery, signal);
    return this.underWay.track(storing);
  }

  /** Asks for the bucket, which needs the permission s3:ListBucket; without a fixed one, for any answer. */
  async checkHealth(signal: AbortSignal): Promise<Health> {
    const started = performance.now();
    const latency = (): number => Math.round(performance.now() - started);
    const bucket = this.templates.bucket.constant;
    try {
      await this.hasKeys(signal);
      if (bucket !== undefined) {
        await this.client.send(new HeadBucketCommand({ Bucket: bucket }), { abortSignal: signal });
      } else await this.client.send(new ListBucketsCommand({ MaxBuckets: 1 }), { abortSignal: signal });
      return { status: 'healthy', latencyMs: latency(), message: 'The receiver answered.' };
    } catch (caught) {
      const { answer, verdict } = this.judge(caught, signal);
      if (bucket === undefined && answer !== undefined && answer.statusCode < 500) {
        return { status: 'healthy', latencyMs: latency(), message: `The receiver answered ${answer.name}.` };
      }
      return { status: 'unhealthy', latencyMs: latency(), code: verdict.code, message: verdict.message };
    }
  }

  /** Waits for the deliveries under way, which end by their own signals. */
  close(): Promise<void> {
    this.batches?.flushAll();
    return this.underWay.close(() => {
      this.client.destroy();
      this.agents.close();
    });
  }

  private async batched(
    batches: Batches,
    input: PutObjectCommandInput,
    delivery: Delivery,
    signal: AbortSignal,
  ): Promise<Outcome> {
    try {
      return await batches.add(input, delivery, signal);
    } catch (error) {
      // Ended by its signal, perhaps while the others of its object were under way.
      return failed(faultVerdict(error as Error), {
        bytesSent: this.agents.connected ? delivery.body.length : 0,
      });
    }
  }

  private async store(input: Stored, signal: AbortSignal): Promise<Outcome> {
    const bytes = input.Body.length;
    try {
      await this.hasKeys(signal);
      await upload(this, input, signal, this.configuration.part_size_bytes);
      const body = this.batches && `stored as ${input.Key}`;
      return { kind: 'delivered', response: { statusCode: 200, body }, bytesSent: bytes, log: [] };
    } catch (caught) {
      const { answer, verdict, error } = this.judge(caught, signal);
      if (answer?.name === 'PreconditionFailed' && (await this.isRepeat(input, signal))) {
        const line = { level: 'info' as const, message: 'The object was there already, from this delivery.' };
        return { kind: 'delivered', response: this.captured(answer), bytesSent: bytes, log: [line] };
      }
      const detail = this.capture.hide(answer === undefined ? error.message : answer.name, this.askedSecrets);
      return failed(verdict, {
        response: answer && this.captured(answer),
        bytesSent: answer !== undefined || this.agents.connected ? bytes : 0,
        log: [{ level: 'warn', message: `PUT into ${input.Bucket}: ${verdict.code}: ${detail}` }],
      });
    }
  }

  /** Whether the object that stands in the way is what this very delivery stored, or is the same bytes. */
  private async isRepeat(input: Stored, signal: AbortSignal): Promise<boolean> {
    try {
      const { Bucket, Key, Body } = input;
      const there = await this.client.send(new HeadObjectCommand({ Bucket, Key }), { abortSignal: signal });
      if (there.ContentLength !== Body.length) return false;
      if (there.Metadata?.[DELIVERY_ID] === input.Metadata?.[DELIVERY_ID]) return true;
      return there.ETag === `"${createHash('md5').update(Body).digest('hex')}"`;
    } catch {
      return false;
    }
  }

  /** Keys that must be asked for are there before the SDK wants them: it would wait beyond the signal. */
  private async hasKeys(signal: AbortSignal): Promise<void> {
    if (this.identity.kind === 'asked') this.askedKeys = await untilEnded(this.identity.source(), signal);
  }

  private judge(caught: unknown, signal: AbortSignal) {
    const error = caught as Error;
    if (error instanceof IdentityFault) return { error, answer: undefined, verdict: error.failure };
    const answer = answerOf(error);
    if (answer !== undefined) return { error, answer, verdict: answerVerdict(answer, Date.now()) };
    return { error, answer, verdict: faultVerdict(signal.aborted ? endedBy(signal) : error) };
  }

  private captured(answer: S3Answer): { statusCode: number; body: string | undefined } {
    const words = answer.message === '' ? answer.name : `${answer.name}: ${answer.message}`;
    return { statusCode: answer.statusCode, body: this.capture.text(Buffer.from(words), this.askedSecrets) };
  }

  private get askedSecrets(): string[] {
    const { secretAccessKey, sessionToken } = this.askedKeys ?? {};
    return [secretAccessKey, sessionToken].filter((text) => text !== undefined);
  }
}
