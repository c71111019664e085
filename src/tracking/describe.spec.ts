import { describeJob } from './describe';
import { eventsOf } from './events';
import { type AttemptRow, type JobRow } from './rows';

const at = (seconds: number): Date => new Date(Date.UTC(2026, 0, 1, 12, 0, seconds));

const job = (changes: Partial<JobRow> = {}): JobRow =>
  ({
    status: 'completed',
    distribution_id: 'D-1',
    destinations: [
      { delivery_id: 'd1', name: 'archive', protocol: 'REST' },
      { delivery_id: 'd2', name: 'portal', protocol: 'REST' },
    ],
    created_at: at(0),
    started_at: at(1),
    completed_at: at(10),
    plan: { outcome: 'deliver', reasons: [] },
    submitted_by: 'key:upstream',
    ...changes,
  }) as JobRow;

const attempt = (destination: string, number: number, changes: Partial<AttemptRow>): AttemptRow =>
  ({
    destination_name: destination,
    attempt_number: number,
    status: 'success',
    started_at: at(number),
    completed_at: at(number + 1),
    response_status_code: 200,
    response_body: null,
    error_code: null,
    error_message: null,
    next_attempt_at: null,
    metadata: { bytes_sent: 100 },
    ...changes,
  }) as AttemptRow;

const failedOnce = [
  attempt('archive', 1, {}),
  attempt('portal', 1, {
    status: 'retry',
    error_code: 'TIMEOUT',
    error_message: 'late',
    next_attempt_at: at(4),
  }),
  attempt('portal', 2, {}),
];

describe('what is told of a job', () => {
  it('counts the same attempts in every counter', () => {
    const { destinations, metrics } = describeJob(job(), failedOnce);
    expect(metrics).toMatchObject({
      total_attempts: 3,
      successful_attempts: 2,
      failed_attempts: 1,
      retry_count: 1,
      data_transferred_bytes: 300,
      total_latency_ms: 10_000,
    });
    expect(destinations.map(({ attempts }) => attempts)).toEqual([1, 2]);
    expect(metrics.success_rate).toBeCloseTo(2 / 3);
  });

  it('says of a repeated delivery when, why and after how long', () => {
    const portal = describeJob(job(), failedOnce).destinations[1];
    expect(portal?.retry_history).toEqual([
      { attempt: 1, timestamp: at(2), error: 'late', backoff_delay_seconds: 2 },
    ]);
  });

  it('does not count an attempt that is only planned', () => {
    const planned = attempt('archive', 1, { status: 'pending', started_at: null, completed_at: null });
    const { destinations, metrics, progress_percentage } = describeJob(job({ completed_at: null }), [
      planned,
    ]);
    expect(destinations[0]).toMatchObject({ status: 'pending', attempts: 0 });
    expect(metrics.total_attempts).toBe(0);
    expect(progress_percentage).toBe(0);
  });

  it('is complete when there was nothing to deliver', () => {
    expect(describeJob(job({ destinations: [] }), []).progress_percentage).toBe(100);
  });
});

describe('the transitions of a job', () => {
  it('are read from its own times', () => {
    expect(eventsOf(job(), []).map(({ to_status, actor }) => [to_status, actor])).toEqual([
      ['pending', 'key:upstream'],
      ['processing', 'worker'],
      ['completed', 'worker'],
    ]);
  });

  it('include what was stored, in order', () => {
    const cancelled = {
      from_status: 'processing',
      to_status: 'cancelled',
      actor: 'key:ops',
      reason: 'cancelled',
      occurred_at: at(5),
    };
    const events = eventsOf(job({ status: 'cancelled', completed_at: at(5) }), [cancelled]);
    expect(events.map(({ to_status }) => to_status)).toEqual(['pending', 'processing', 'cancelled']);
  });

  it('skip processing when there was nothing to deliver', () => {
    const events = eventsOf(job({ plan: { outcome: 'no_match', reasons: [] } }), []);
    expect(events.map(({ to_status, reason }) => [to_status, reason])).toEqual([
      ['pending', 'accepted'],
      ['completed', 'no_match'],
    ]);
  });
});
