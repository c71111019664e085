import fc from 'fast-check';
import { type Outcome } from '../adapters/port';
import { backoffSeconds, DEFAULT_RETRY_POLICY } from '../kernel/retry-policy';
import { decide, effectivePolicy } from './decide';

const facts = { response: undefined, bytesSent: 0, log: [] };
const retry = (retryAfterSeconds?: number): Outcome => ({
  kind: 'retry',
  code: 'RECEIVER_UNAVAILABLE',
  message: 'busy',
  retryAfterSeconds,
  ...facts,
});

describe('what an outcome means for the delivery', () => {
  it('is success when it was delivered', () => {
    expect(decide({ kind: 'delivered', ...facts }, 3, DEFAULT_RETRY_POLICY, 0)).toEqual({ kind: 'succeed' });
  });

  it('is final when the receiver refused', () => {
    const refused: Outcome = { kind: 'refused', code: 'RECEIVER_REFUSED', message: 'no', ...facts };
    expect(decide(refused, 1, DEFAULT_RETRY_POLICY, 0)).toMatchObject({ kind: 'fail', exhausted: false });
  });

  it('is another attempt while the policy allows one', () => {
    expect(decide(retry(), 1, DEFAULT_RETRY_POLICY, 0.5)).toMatchObject({ kind: 'retry', afterSeconds: 0.5 });
  });

  it('is giving up after the last attempt that the policy allows', () => {
    expect(decide(retry(), 4, DEFAULT_RETRY_POLICY, 0.5)).toMatchObject({ kind: 'fail', exhausted: true });
  });

  it('waits as long as the receiver asks, within the cap', () => {
    expect(decide(retry(20), 1, DEFAULT_RETRY_POLICY, 0)).toMatchObject({ afterSeconds: 20 });
    expect(decide(retry(86_400), 1, DEFAULT_RETRY_POLICY, 0)).toMatchObject({ afterSeconds: 300 });
  });
});

describe('backoff', () => {
  it('is never negative, never above the cap and never above the exponential', () => {
    const attempts = fc.integer({ min: 1, max: 60 });
    const random = fc.double({ min: 0, max: 0.999, noNaN: true });
    fc.assert(
      fc.property(attempts, random, (attempt, at) => {
        const delay = backoffSeconds(DEFAULT_RETRY_POLICY, attempt, undefined, at);
        return delay >= 0 && delay <= 300 && delay <= 2 ** (attempt - 1);
      }),
    );
  });
});

describe('the policy of a delivery', () => {
  it('takes the attempts planned at acceptance before the destination’s own', () => {
    const policy = effectivePolicy({ maxAttempts: 9 }, 2, DEFAULT_RETRY_POLICY);
    expect(policy.maxAttempts).toBe(2);
  });

  it('takes the destination’s own where nothing was planned', () => {
    expect(effectivePolicy({ maxAttempts: 9 }, null, DEFAULT_RETRY_POLICY).maxAttempts).toBe(9);
  });

  it('never waits longer than the operator allows', () => {
    expect(effectivePolicy({ maxBackoffSeconds: 9999 }, null, DEFAULT_RETRY_POLICY).maxBackoffSeconds).toBe(
      300,
    );
  });
});
