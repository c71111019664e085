import { type Outcome } from '../adapters/port';
import { type CallbackId, type TenantId } from '../kernel/ids';
import { type ClaimedCallback } from './claim';
import { decideCallback } from './record';

const claimed = (channel: 'webhook' | 'events', attempts: number): ClaimedCallback => ({
  id: 'callback' as CallbackId,
  tenant_id: 'roma' as TenantId,
  distribution_job_id: null,
  batch_id: null,
  attempt_id: null,
  event_type: 'distribution.completed',
  attempts,
  round_start: 0,
  fence: 1,
  created_at: new Date(0),
  ...(channel === 'webhook'
    ? { channel, callback_url: 'https://example.org/' }
    : { channel, callback_url: null }),
});

const facts = { response: undefined, bytesSent: 0, log: [] };
const failed = (kind: 'retry' | 'refused'): Outcome => ({
  kind,
  code: 'RECEIVER_UNAVAILABLE',
  message: 'no',
  retryAfterSeconds: undefined,
  ...facts,
});

describe('a callback that is not taken', () => {
  it('is repeated until five attempts are made', () => {
    const statuses = [0, 1, 2, 3, 4].map(
      (made) => decideCallback(claimed('webhook', made), failed('retry'), 0.5).status,
    );
    expect(statuses).toEqual(['pending', 'pending', 'pending', 'pending', 'failed']);
  });

  it('is repeated for ever where it is an event, five minutes apart at most', () => {
    for (const made of [0, 4, 400, 100_000]) {
      const { status, delaySeconds } = decideCallback(claimed('events', made), failed('retry'), 0.999);
      expect(status).toBe('pending');
      expect(delaySeconds).toBeLessThan(300);
    }
  });

  it.each(['webhook', 'events'] as const)('is given up at once where it is refused: %s', (channel) => {
    expect(decideCallback(claimed(channel, 0), failed('refused'), 0).status).toBe('failed');
  });
});
