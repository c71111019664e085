import { randomUUID } from 'node:crypto';
import { type Submission } from './types.js';

/** What the service takes in one request. */
export const MAX_BATCH_ITEMS = 1000;
/** Well below the service's limit for a body. */
const MAX_BATCH_BYTES = 16 * 1024 * 1024;

/**
 * With a key where it has neither key nor name: sent again after a lost answer, it is found and not made twice. The key
 * becomes its distribution_id.
 */
export function keyed(submission: Submission): Submission {
  if (submission.distribution_id !== undefined || submission.options?.idempotency_key !== undefined) {
    return submission;
  }
  return { ...submission, options: { ...submission.options, idempotency_key: randomUUID() } };
}

export interface Batch {
  /** Of its first item, in the whole. */
  firstIndex: number;
  ndjson: string;
}

/** The submissions as they come, in batches that one request can hold. */
export async function* batchesOf(
  submissions: Iterable<Submission> | AsyncIterable<Submission>,
  maxItems: number = MAX_BATCH_ITEMS,
  maxBytes: number = MAX_BATCH_BYTES,
): AsyncGenerator<Batch> {
  let lines: string[] = [];
  let bytes = 0;
  let firstIndex = 0;
  for await (const submission of submissions) {
    const line = JSON.stringify(keyed(submission));
    const size = Buffer.byteLength(line) + 1;
    if (lines.length === maxItems || (lines.length > 0 && bytes + size > maxBytes)) {
      yield { firstIndex, ndjson: lines.join('\n') };
      firstIndex += lines.length;
      lines = [];
      bytes = 0;
    }
    lines.push(line);
    bytes += size;
  }
  if (lines.length > 0) yield { firstIndex, ndjson: lines.join('\n') };
}
