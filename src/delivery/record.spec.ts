import { type QueryResultRow } from 'pg';
import { type Statement } from '../database/statement';
import { type TenantTransaction } from '../database/tenant-transaction';
import { type DeliveryId, newId, type TenantId } from '../kernel/ids';
import { type ClaimedDelivery } from './claim';
import { Recorder, type Result } from './record';

const id = newId<DeliveryId>();

const outcomeOf = (attemptNumber: number, fence: number): Result =>
  ({
    claimed: {
      tenant_id: 't',
      delivery_id: id,
      attempt_number: attemptNumber,
      fence,
      options: {},
    } as unknown as ClaimedDelivery,
    decision: { kind: 'succeed' },
    completedAt: new Date(),
    bytesSent: 0,
    log: [],
  }) as unknown as Result;

/** A recorder whose database takes everything, and what it asked of it. */
function recorder() {
  const fences: unknown[] = [];
  const refused: number[] = [];
  const query = async <Row extends QueryResultRow>(
    _statement: Statement,
    values: unknown[],
  ): Promise<Row[]> => {
    fences.push(values[2]);
    return [{ delivery_id: id }] as unknown as Row[];
  };
  const tenants = { each: (tenantId: TenantId) => ({ tenantId, query }) } as unknown as TenantTransaction;
  const made = new Recorder({
    tenants,
    timers: { now: () => 0, after: (_ms, then) => (setImmediate(then), () => undefined) },
    madeBy: { node: 'n', version: '1' },
    onRefused: ({ claimed }) => refused.push(claimed.fence),
    onFault: (error) => {
      throw error;
    },
    onReleased: () => undefined,
    deadLetterDays: 1,
  });
  return { made, fences, refused };
}

describe('two outcomes of one delivery at once, of a worker that claimed it again after a stall', () => {
  it.each([
    ['under a later lease', outcomeOf(1, 1), outcomeOf(1, 3), 3],
    ['of the attempt after it', outcomeOf(1, 4), outcomeOf(2, 5), 5],
    ['after a replay, whose fence begins anew', outcomeOf(1, 4), outcomeOf(2, 1), 1],
  ])('only the later one, %s, is put to the database', async (_which, early, late, fence) => {
    for (const outcomes of [
      [early, late],
      [late, early],
    ]) {
      const { made, fences, refused } = recorder();
      await Promise.all(outcomes.map((outcome) => made.record(outcome)));
      expect(fences.flat()).toEqual([fence]);
      expect(refused).toEqual([early.claimed.fence]);
    }
  });
});
