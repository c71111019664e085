import { type Answer, type Reply } from './api';
import { type World } from './world';

export interface Case {
  name: string;
  /** Bytes as they are, or an object that becomes JSON. */
  body: string | Uint8Array | object;
  headers?: Record<string, string>;
  status?: number;
  error?: string;
  field?: string;
  issue?: RegExp;
}

// Not ready_attempts: what earlier cases submitted is being delivered.
const WRITTEN = ['distribution_jobs', 'distribution_attempts', 'distribution_keys']
  .concat('idempotency_keys', 'distribution_batches', 'distribution_callbacks', 'distribution_job_events')
  .map((table) => `(SELECT count(*) FROM ${table})`)
  .join(' + ');

async function written(world: World): Promise<number> {
  const [row] = await world.rows<{ rows: string }>(`SELECT ${WRITTEN} AS rows`);
  return Number(row?.rows);
}

/** Refused in the envelope of the contract, and without a trace in the database. */
export async function expectRefusal(
  world: World,
  send: () => Promise<Answer<Reply>>,
  expected: Omit<Case, 'name' | 'body'>,
): Promise<void> {
  const before = await written(world);
  const answer = await send();
  const { status = 400, error = 'VALIDATION_ERROR', field, issue } = expected;
  expect({ status: answer.status, error: answer.body['error'] }).toEqual({ status, error });
  expectEnvelope(answer);
  if (field !== undefined) {
    const found = detailsOf(answer).find((detail) => detail.field === field);
    expect({ fields: detailsOf(answer).map((detail) => detail.field) }).toEqual({
      fields: expect.arrayContaining([field]) as unknown,
    });
    if (issue !== undefined) expect(found?.issue).toMatch(issue);
  }
  expect(await written(world)).toBe(before);
}

const detailsOf = ({ body }: Answer<Reply>): { field: string; issue: string }[] =>
  [body['details'] ?? []].flat() as { field: string; issue: string }[];

function expectEnvelope({ body, headers }: Answer<Reply>): void {
  expect(typeof body['message']).toBe('string');
  expect(body['request_id']).toBe(headers.get('x-request-id'));
  expect(Date.parse(String(body['timestamp']))).not.toBeNaN();
  const known = ['error', 'message', 'details', 'request_id', 'timestamp', 'retry_after_seconds'];
  expect(Object.keys(body).filter((key) => !known.includes(key))).toEqual([]);
  expect(JSON.stringify(body)).not.toMatch(/\bat .*\.[jt]s:\d|SELECT |INSERT |zk_[0-9a-f]{32}|whsec_/);
}

export const good = (more: object = {}): object => ({ data_type: 'report', payload: { a: 1 }, ...more });
export const options = (more: object): object => good({ options: more });
