import { type SystemTransaction } from '../database/system-transaction';
import { type Duty } from './duty';

/** In portions, so that a flood of them does not become one long transaction. */
const PRUNE = {
  name: 'prune_dead_letters',
  text: `
    DELETE FROM dead_letters WHERE (tenant_id, id) IN (
      SELECT tenant_id, id FROM dead_letters WHERE expires_at <= now() ORDER BY expires_at LIMIT 5000
    )`,
};

const PRUNE_OPERATIONS = {
  name: 'prune_bulk_operations',
  text: `DELETE FROM bulk_operations WHERE completed_at < now() - interval '30 days'`,
};

export const deadLetters: Duty = {
  name: 'dead letters',
  everySeconds: 10,
  async run(tx) {
    await tx.query(PRUNE, []);
    await tx.query(PRUNE_OPERATIONS, []);
  },
};

/** The tenants with the most of them by name, the rest together. */
const COUNT = {
  name: 'count_dead_letters',
  text: `
    WITH counted AS (
      SELECT tenant_id, count(*)::int AS letters, row_number() OVER (ORDER BY count(*) DESC, tenant_id) AS place
      FROM dead_letters WHERE status = 'dead' GROUP BY tenant_id
    )
    SELECT CASE WHEN place <= $1 THEN tenant_id ELSE 'other' END AS tenant_id, sum(letters)::int AS letters
    FROM counted GROUP BY 1`,
};

const MOST_TENANTS = 100;
const BELIEVED_MS = 10_000;

/** For metrics: a scrape costs a count at most once in ten seconds. */
export class DeadLetterCount {
  private known: Record<string, number> = {};
  private until = 0;

  constructor(private readonly system: SystemTransaction) {}

  async byTenant(): Promise<Record<string, number>> {
    if (Date.now() < this.until) return this.known;
    const rows = await this.system.query<{ tenant_id: string; letters: number }>(COUNT, [MOST_TENANTS]);
    this.known = Object.fromEntries(rows.map(({ tenant_id, letters }) => [tenant_id, letters]));
    this.until = Date.now() + BELIEVED_MS;
    return this.known;
  }
}
