import { type Statement } from '../database/statement';
import { type TenantId } from '../kernel/ids';
import { type Duty } from './duty';

/** What has short steps of its own, each a transaction: a bulk operation, an erasure. */
interface Stepwise<Id> {
  step(tenantId: TenantId, id: Id): Promise<'more' | 'later' | 'over'>;
}

/** A run ends after this time, whatever is left: the next one goes on. */
const MOST_MS = 700;

/**
 * Goes on with what runs, a step of each in turn, so that a large one does not hold up the others; also with those whose
 * process was lost. A fault of one leaves the others alone.
 *
 * @param running selects `id` and `tenant_id` of what is not over.
 */
export const stepwise = <Id extends string>(
  name: string,
  running: Statement,
  work: Stepwise<Id>,
  onFault: (error: unknown, id: Id) => void,
): Duty => ({
  name,
  everySeconds: 1,
  async run(tx) {
    const deadline = performance.now() + MOST_MS;
    let left = await tx.query<{ id: Id; tenant_id: TenantId }>(running, []);
    while (left.length > 0 && performance.now() < deadline) {
      const more: typeof left = [];
      for (const one of left) {
        const became = await work.step(one.tenant_id, one.id).catch((error: unknown) => {
          onFault(error, one.id);
          return 'later' as const;
        });
        if (became === 'more') more.push(one);
        if (performance.now() >= deadline) return;
      }
      left = more;
    }
  },
});
