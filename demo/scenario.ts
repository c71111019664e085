import { randomBytes } from 'node:crypto';
import { activityReport, activitySummary, servicesReport } from './reports';
import { type Receiver } from './receivers/receiver';
import { type RestReceiverOptions, startRestReceiver } from './receivers/rest';
import { type DemoTenant, type TenantAccess } from './tenants';

export const VALDORIA: DemoTenant = { id: 'valdoria', name: 'Comune di Valdoria' };
export const COLLINA: DemoTenant = { id: 'asl-nord', name: 'ASL Collina Nord' };

/** What a job has to come to; anything else is a deviation that `--once` ends with. */
export interface Expected {
  status: 'completed' | 'failed';
  /** Why that is right, where a reader may wonder. */
  remark?: string;
  /** The receiver's answers to each attempt, by destination. */
  answers: Record<string, number[]>;
}

export interface PlannedJob {
  tenant: TenantAccess;
  distributionId: string;
  about: string;
  submission: object;
  /** Counted from the submission. */
  deliverAfterMs?: number;
  expected: Expected;
  callback: Receiver;
}

/** The receivers of this run, so that all of them can be stopped, also when the start fails half-way. */
export class Cast {
  readonly receivers: Receiver[] = [];

  async rest(options: RestReceiverOptions): Promise<Receiver> {
    const receiver = await startRestReceiver(options);
    this.receivers.push(receiver);
    return receiver;
  }

  async stop(): Promise<void> {
    await Promise.all(this.receivers.map((receiver) => receiver.stop()));
  }
}

type Manner = Pick<RestReceiverOptions, 'manner' | 'answer'>;

const TAKES: Manner = {
  manner: 'answers 200',
  answer: () => ({ status: 200, body: { received: true } }),
};

const BUSY_TWICE: Manner = {
  manner: 'answers 503 twice, then 200',
  answer: (time) =>
    time <= 2
      ? { status: 503, retryAfterSeconds: 1, body: { error: 'maintenance window' } }
      : { status: 200, body: { received: true, protocol_number: '2026/004812' } },
};

const REFUSES: Manner = {
  manner: 'refuses with 422',
  answer: () => ({ status: 422, body: { error: 'period is closed', field: 'period.to' } }),
};

const DELIVER_LATER_MS = 3000;

/** Unique, so that every run of the demo makes jobs of its own. */
const runId = (): string => randomBytes(3).toString('hex');

export async function valdoriaJobs(tenant: TenantAccess, cast: Cast): Promise<PlannedJob[]> {
  const own = { tenantId: tenant.id, secret: tenant.signingSecret };
  const portal = await cast.rest({ name: 'open-data-portal', ...own, ...TAKES });
  const register = await cast.rest({ name: 'regional-register', ...own, ...BUSY_TWICE });
  const audit = await cast.rest({ name: 'court-of-auditors', ...own, ...REFUSES });
  const dashboard = await cast.rest({ name: 'mayors-dashboard', ...own, ...TAKES });
  const callback = await cast.rest({ name: 'callback', ...own, ...TAKES });
  await registerDestination(tenant, portal);
  await registerDestination(tenant, register);
  return [
    reportJob(tenant, callback, [portal.name, register.name, { name: audit.name, ...audit.destination }]),
    summaryJob(tenant, callback, [portal.name, { name: dashboard.name, ...dashboard.destination }]),
  ];
}

function reportJob(tenant: TenantAccess, callback: Receiver, destinations: unknown[]): PlannedJob {
  const distributionId = `report-2026-09-${runId()}`;
  return {
    tenant,
    distributionId,
    about: 'activity report, priority high, 2 registered destinations and 1 inline',
    submission: {
      distribution_id: distributionId,
      data_type: 'activity_report',
      priority: 'high',
      payload: activityReport('RPT-2026-09-0117'),
      metadata: { protocol_number: '2026/0009143' },
      destinations,
      callback_url: callback.address,
    },
    expected: {
      status: 'failed',
      remark: 'one destination refused for good, the others have it',
      answers: {
        'open-data-portal': [200],
        'regional-register': [503, 503, 200],
        'court-of-auditors': [422],
      },
    },
    callback,
  };
}

function summaryJob(tenant: TenantAccess, callback: Receiver, destinations: unknown[]): PlannedJob {
  const distributionId = `summary-2026-09-${runId()}`;
  return {
    tenant,
    distributionId,
    about: `summary for the council, to be delivered ${DELIVER_LATER_MS / 1000} s later`,
    submission: {
      distribution_id: distributionId,
      data_type: 'activity_summary',
      payload: activitySummary('RPT-2026-09-0118'),
      destinations,
      callback_url: callback.address,
    },
    deliverAfterMs: DELIVER_LATER_MS,
    expected: { status: 'completed', answers: { 'open-data-portal': [200], 'mayors-dashboard': [200] } },
    callback,
  };
}

/** The other tenant has a destination of the same name, and another secret. */
export async function collinaJobs(tenant: TenantAccess, cast: Cast): Promise<PlannedJob[]> {
  const own = { tenantId: tenant.id, secret: tenant.signingSecret };
  const portal = await cast.rest({ name: 'open-data-portal', ...own, ...TAKES });
  const callback = await cast.rest({ name: 'callback', ...own, ...TAKES });
  await registerDestination(tenant, portal);
  const distributionId = `services-2026-09-${runId()}`;
  return [
    {
      tenant,
      distributionId,
      about: 'outpatient services, to a destination of its own with the same name',
      submission: {
        distribution_id: distributionId,
        data_type: 'services_report',
        payload: servicesReport('ASL-2026-09-0031'),
        destinations: [portal.name],
        callback_url: callback.address,
      },
      expected: { status: 'completed', answers: { 'open-data-portal': [200] } },
      callback,
    },
  ];
}

/** Registered anew or, since receivers have another port at every run, changed. */
async function registerDestination({ api }: TenantAccess, receiver: Receiver): Promise<void> {
  const { protocol, ...fields } = receiver.destination;
  const retryPolicy = { max_attempts: 5, initial_delay_seconds: 1, backoff_multiplier: 2 };
  const configuration = { ...fields, retry_policy: retryPolicy };
  const input = { name: receiver.name, protocol, configuration, tags: ['demo'] };
  const changed = await api.ask('PUT', `/destinations/${receiver.name}`, input);
  if (changed.status === 200) return;
  await api.post('/destinations/register', input);
}
