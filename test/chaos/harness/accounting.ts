import { type Accounts, accountsOf, type Rows } from '../../support/accounts';
import { type Book } from './book';
import { type Ledger } from './ledger';

/** The accounts of all tenants together, deliveries; `repeats` are arrivals of an attempt that had come before. */
export interface Balance {
  submitted: number;
  delivered: number;
  dead: number;
  pending: number;
  cancelled: number;
  expired: number;
  repeats: number;
  /** Why the accounts do not agree; empty where they do. */
  violations: string[];
}

/**
 * The invariant: submitted × fan-out = delivered + dead + pending + cancelled + expired, of what submitters were
 * promised, of what receivers saw and of what the database says.
 */
export async function balanceOf(database: Rows, book: Book, ledger: Ledger): Promise<Balance> {
  const balance: Balance = {
    submitted: 0,
    delivered: 0,
    dead: 0,
    pending: 0,
    cancelled: 0,
    expired: 0,
    repeats: ledger.repeats(),
    violations: [...ledger.contradictions],
  };
  const known = new Set<string>();
  for (const tenantId of book.tenants) {
    const accounts = await accountsOf(database, tenantId);
    for (const kind of ['delivered', 'dead', 'pending', 'cancelled', 'expired'] as const) {
      balance[kind] += accounts[kind];
    }
    balance.submitted += book.deliveriesOf(tenantId);
    balance.violations.push(
      ...sumsOf(tenantId, accounts, book.deliveriesOf(tenantId)),
      ...(await jobsOf(database, tenantId, book)),
      ...(await deliveriesOf(database, tenantId, ledger, known)),
    );
  }
  const unknown = [...ledger.entries.keys()].filter((id) => !known.has(id));
  balance.violations.push(...named('came to a receiver and are not in the database', unknown));
  return balance;
}

function sumsOf(tenantId: string, accounts: Accounts, promised: number): string[] {
  const { planned, delivered, dead, pending, cancelled, expired, queued, repeated } = accounts;
  const total = delivered + dead + pending + cancelled + expired;
  return [
    ...unequal(`${tenantId}: deliveries in the database and promised`, planned, promised),
    ...unequal(`${tenantId}: deliveries by state and planned`, total, planned),
    ...unequal(`${tenantId}: deliveries in the queue and pending`, queued, pending),
    ...unequal(`${tenantId}: deliveries with an attempt recorded twice or missing`, repeated, 0),
  ];
}

async function jobsOf(database: Rows, tenantId: string, book: Book): Promise<string[]> {
  const stored = await database.rows<{ id: string }>(
    'SELECT distribution_id AS id FROM distribution_jobs WHERE tenant_id = $1',
    [tenantId],
  );
  const ids = new Set(stored.map(({ id }) => id));
  const promised = book.jobsOf(tenantId);
  return [
    ...unequal(`${tenantId}: jobs stored and jobs with a name of their own`, stored.length, ids.size),
    ...named(
      'were acknowledged and are not in the database',
      [...promised.keys()].filter((id) => !ids.has(id)),
    ),
    ...named(
      'are in the database and were never acknowledged',
      [...ids].filter((id) => !promised.has(id)),
    ),
  ];
}

/** Each delivery against the ledger; adds the ids that the database knows to `known`. */
async function deliveriesOf(
  database: Rows,
  tenantId: string,
  ledger: Ledger,
  known: Set<string>,
): Promise<string[]> {
  const deliveries = await database.rows<Delivery>(DELIVERIES, [tenantId]);
  const issues: string[] = [];
  for (const delivery of deliveries) {
    known.add(delivery.id);
    const issue = issueOf(delivery, `${tenantId}/${delivery.destination}`, ledger);
    if (issue !== undefined) issues.push(`${delivery.id} of ${delivery.job} ${issue}`);
  }
  return issues.length > SHOWN ? [...issues.slice(0, SHOWN), `and ${issues.length - SHOWN} more`] : issues;
}

interface Delivery {
  id: string;
  job: string;
  destination: string;
  status: string;
  attempts: number;
}

const DELIVERIES = `
  SELECT DISTINCT ON (a.delivery_id)
    a.delivery_id AS id, j.distribution_id AS job, a.destination_name AS destination, a.status,
    a.attempt_number AS attempts
  FROM distribution_attempts a JOIN distribution_jobs j ON j.id = a.distribution_job_id AND j.tenant_id = a.tenant_id
  WHERE a.tenant_id = $1
  ORDER BY a.delivery_id, a.attempt_number DESC`;

function issueOf({ id, job, status, attempts }: Delivery, place: string, ledger: Ledger): string | undefined {
  const entry = ledger.entries.get(id);
  if (status === 'success' && entry === undefined) return 'is delivered and never came to a receiver';
  if (entry === undefined) return undefined;
  if (entry.distributionId !== job || entry.place !== place) {
    return `came to ${entry.place} for ${entry.distributionId}`;
  }
  const taken = entry.arrivals.some((arrival) => arrival.taken === true);
  if (status === 'success' && !taken) return 'is delivered and no receiver took it';
  const latest = Math.max(...entry.arrivals.map(({ attempt }) => attempt));
  return latest > attempts ? `came as attempt ${latest}, and the last one known is ${attempts}` : undefined;
}

const SHOWN = 5;

const unequal = (what: string, one: number, other: number): string[] =>
  one === other ? [] : [`${what}: ${one} and ${other}`];

const named = (what: string, ids: string[]): string[] =>
  ids.length === 0 ? [] : [`${ids.length} ${what}: ${ids.slice(0, SHOWN).join(', ')}`];
