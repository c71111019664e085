import { type Readable } from 'node:stream';
import { ApiError } from '../kernel/errors';
import { type BatchItem } from '../intake/accept-batch';
import { parseJson } from '../intake/parse-json';

export interface NdjsonLimits {
  maxItems: number;
  maxBytes: number;
  maxDepth: number;
}

/**
 * One submission a line (application/x-ndjson), read as it comes; blank lines do not count. A line that is not
 * JSON is one rejected item, not the end of the others.
 * @throws ApiError when the whole is too long; nothing has been written by then.
 */
export async function readNdjson(stream: Readable, limits: NdjsonLimits): Promise<BatchItem[]> {
  const items: BatchItem[] = [];
  let rest: Buffer = Buffer.alloc(0);
  let total = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    total += chunk.length;
    if (total > limits.maxBytes) {
      throw new ApiError(
        'PAYLOAD_TOO_LARGE',
        `the body is larger than ${limits.maxBytes} bytes; send several batches`,
      );
    }
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      addLine(items, rest.subarray(0, end), limits);
      rest = rest.subarray(end + 1);
    }
  }
  addLine(items, rest, limits);
  return items;
}

function addLine(items: BatchItem[], line: Buffer, limits: NdjsonLimits): void {
  if (isBlank(line)) return;
  if (items.length >= limits.maxItems) throw tooMany(limits.maxItems);
  items.push(itemOf(line, limits.maxDepth));
}

export const tooMany = (most: number): ApiError =>
  new ApiError('VALIDATION_ERROR', `a batch holds at most ${most} distributions; send several`, [
    { field: 'distributions', issue: `at most ${most} in one request` },
  ]);

function itemOf(line: Buffer, maxDepth: number): BatchItem {
  try {
    return { body: parseJson(line, maxDepth) };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { rejection: { error: 'VALIDATION_ERROR', details: error.details } };
  }
}

/** Spaces, tabs and carriage returns only. */
const isBlank = (line: Buffer): boolean => line.every((byte) => byte === 32 || byte === 9 || byte === 13);
