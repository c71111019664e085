import { Pool } from 'undici';

/** About 1 KB, the shape of the report that MS07 distributes. */
export const PAYLOAD = {
  report_id: 'RPT-2026-000123',
  title: 'Monthly report on administrative acts',
  period: { from: '2026-10-01', to: '2026-10-31' },
  data: Object.fromEntries(Array.from({ length: 24 }, (_, index) => [`metric_${index}`, index * 1234.5])),
  notes: 'x'.repeat(300),
};

/** Begins the correlation id of a submission whose delay is measured; the scheduled time in ms follows. */
export const SCHEDULED = 'scheduled-';

/** Who submits what: a tenant's key at a service. */
export interface Submitter {
  tenantId: string;
  url: string;
  key: string;
  destinations: string[];
}

const PER_REQUEST = 200;
const SIDE_BY_SIDE = 4;

/** Submits so many jobs by NDJSON, as fast as the service takes them. */
export async function submitAll({ url, key, destinations }: Submitter, jobs: number): Promise<void> {
  const line = `${JSON.stringify({ data_type: 'report', payload: PAYLOAD, destinations })}\n`;
  const pool = new Pool(url, { connections: SIDE_BY_SIDE });
  let left = jobs;
  const submit = async (): Promise<void> => {
    while (left > 0) {
      const items = Math.min(left, PER_REQUEST);
      left -= items;
      await post(pool, 'bulk-submit', key, 'application/x-ndjson', line.repeat(items));
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, submit));
  await pool.close();
}

/**
 * Submits one by one at a steady rate, whatever the service does meanwhile: each submission carries the time at
 * which it was due, so that a service that falls behind cannot hide it (no coordinated omission).
 */
export async function submitSteadily(
  { url, key, destinations }: Submitter,
  perSecond: number,
  seconds: number,
): Promise<number> {
  const body = JSON.stringify({ data_type: 'report', payload: PAYLOAD, destinations });
  const pool = new Pool(url, { connections: 64 });
  const total = Math.round(perSecond * seconds);
  const started = performance.timeOrigin + performance.now();
  const answers: Promise<void>[] = [];
  for (let sent = 0; sent < total;) {
    const now = performance.timeOrigin + performance.now();
    for (; sent < total && started + (sent * 1000) / perSecond <= now; sent++) {
      const due = started + (sent * 1000) / perSecond;
      answers.push(post(pool, 'submit', key, 'application/json', body, `${SCHEDULED}${due.toFixed(3)}`));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(answers);
  await pool.close();
  return total;
}

async function post(
  pool: Pool,
  path: string,
  key: string,
  contentType: string,
  body: string,
  correlation?: string,
): Promise<void> {
  const answer = await pool.request({
    path: `/api/v1/distribution/${path}`,
    method: 'POST',
    headers: {
      'x-api-key': key,
      'content-type': contentType,
      ...(correlation === undefined ? {} : { 'x-correlation-id': correlation }),
    },
    body,
  });
  if (answer.statusCode !== 202) throw new Error(`${answer.statusCode} ${await answer.body.text()}`);
  await answer.body.dump();
}

/** The value below which this share of the sample lies. */
export function percentile(sample: readonly number[], share: number): number {
  const sorted = [...sample].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}
