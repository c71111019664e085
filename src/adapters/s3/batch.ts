import { createHash } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import { type PutObjectCommandInput } from '@aws-sdk/client-s3';
import { untilAllEnded, untilEnded } from '../ended-by';
import { type Delivery, type Outcome } from '../port';
import { DELIVERY_ID } from './object';
import { type BatchConfiguration } from './schema';

/** Above this an object would go up in parts; a longer job is an object of its own. */
const MOST_BYTES = 8 * 1024 * 1024;
const DEFAULT_DELIVERIES = 64;
const DEFAULT_WAIT_MS = 1000;

type Store = (input: PutObjectCommandInput & { Body: Buffer }, signal: AbortSignal) => Promise<Outcome>;

interface Member {
  deliveryId: string;
  line: Buffer;
  signal: AbortSignal;
  resolve: (outcome: Outcome) => void;
}

interface Batch {
  /** As rendered for each of them; the name lacks its end. */
  input: PutObjectCommandInput;
  members: Member[];
  bytes: number;
  timer: NodeJS.Timeout;
}

/**
 * Several deliveries in one NDJSON object, a line for each. An object is stored when it is full or its first line
 * has waited long enough. Its name ends in the digest of its lines, which are sorted: the same deliveries together
 * are the same object again. What comes again in other company is recognised by the id in its line.
 */
export class Batches {
  private readonly open = new Map<string, Batch>();
  private readonly mostDeliveries: number;
  private readonly waitMs: number;

  constructor(
    { max_deliveries, max_wait_ms }: BatchConfiguration,
    private readonly store: Store,
  ) {
    this.mostDeliveries = max_deliveries ?? DEFAULT_DELIVERIES;
    this.waitMs = max_wait_ms ?? DEFAULT_WAIT_MS;
  }

  /** Deliveries that render to the same bucket, name, metadata and tags share an object. Rejects as the signal ends. */
  add(input: PutObjectCommandInput, delivery: Delivery, signal: AbortSignal): Promise<Outcome> {
    const line = lineOf(delivery);
    const key = JSON.stringify([
      input.Bucket,
      input.Key,
      input.Tagging,
      { ...input.Metadata, [DELIVERY_ID]: '' },
    ]);
    const stored = new Promise<Outcome>((resolve) => {
      if ((this.open.get(key)?.bytes ?? 0) + line.length > MOST_BYTES) this.flush(key);
      const batch = this.open.get(key) ?? this.begin(key, input);
      batch.members.push({ deliveryId: delivery.deliveryId, line, signal, resolve });
      batch.bytes += line.length;
      if (batch.members.length >= this.mostDeliveries) this.flush(key);
    });
    return untilEnded(stored, signal);
  }

  /** Stores what waits, whether full or not. */
  flushAll(): void {
    for (const key of [...this.open.keys()]) this.flush(key);
  }

  private begin(key: string, input: PutObjectCommandInput): Batch {
    const timer = setTimeout(() => this.flush(key), this.waitMs);
    const batch: Batch = { input, members: [], bytes: 0, timer };
    this.open.set(key, batch);
    return batch;
  }

  private flush(key: string): void {
    const batch = this.open.get(key);
    if (batch === undefined) return;
    this.open.delete(key);
    clearTimeout(batch.timer);
    void this.storeBatch(batch);
  }

  private async storeBatch({ input, members }: Batch): Promise<void> {
    const waiting = members.filter(({ signal }) => !signal.aborted);
    if (waiting.length === 0) return;
    const sorted = [...waiting].sort((a, b) => (a.deliveryId < b.deliveryId ? -1 : 1));
    const lines = sorted.filter(({ deliveryId }, at) => deliveryId !== sorted[at - 1]?.deliveryId);
    const object = batchObject(input, Buffer.concat(lines.map(({ line }) => line)));
    const outcome = await this.store(object, untilAllEnded(waiting.map(({ signal }) => signal)));
    for (const { line, resolve } of waiting) {
      resolve({ ...outcome, bytesSent: outcome.bytesSent === 0 ? 0 : line.length });
    }
  }
}

function batchObject(input: PutObjectCommandInput, body: Buffer): PutObjectCommandInput & { Body: Buffer } {
  const digest = createHash('sha256').update(body).digest('hex').slice(0, 32);
  const { ContentEncoding: _, ...rest } = input;
  return {
    ...rest,
    Key: `${input.Key}${digest}.ndjson`,
    ContentType: 'application/x-ndjson',
    // By which a repeat of the whole object is recognised where replacing is forbidden.
    Metadata: { ...input.Metadata, [DELIVERY_ID]: digest },
    Body: body,
  };
}

/** JSON stands in the line as it is; other text as a string, everything else in base64. */
function lineOf(delivery: Delivery): Buffer {
  const { deliveryId, distributionId, dataType, acceptedAt, contentType, body } = delivery;
  const head = {
    delivery_id: deliveryId,
    distribution_id: distributionId,
    data_type: dataType,
    accepted_at: acceptedAt.toISOString(),
  };
  const json = jsonOf(delivery);
  if (json !== undefined) {
    const start = JSON.stringify(head).slice(0, -1);
    return Buffer.concat([Buffer.from(`${start},"payload":`), json, Buffer.from('}\n')]);
  }
  const text = delivery.contentEncoding === undefined && isUtf8(body);
  const held = text ? { body: body.toString('utf8') } : { body_base64: body.toString('base64') };
  const encoding =
    delivery.contentEncoding === undefined ? {} : { content_encoding: delivery.contentEncoding };
  return Buffer.from(`${JSON.stringify({ ...head, content_type: contentType, ...encoding, ...held })}\n`);
}

/** The body as one line of JSON; undefined when it is none. */
function jsonOf({ body, contentType, contentEncoding }: Delivery): Buffer | undefined {
  if (contentEncoding !== undefined || !/^application\/(.*\+)?json\b/.test(contentType)) return undefined;
  try {
    // Also checks it: one line that is none would spoil the object for every reader.
    return Buffer.from(JSON.stringify(JSON.parse(body.toString('utf8'))));
  } catch {
    return undefined;
  }
}
