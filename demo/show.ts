import { setTimeout as pause } from 'node:timers/promises';
import { jobPath, type JobEvent, type Receipt } from './api';
import { deviations, isolationDeviations } from './check';
import { type Receiver } from './receivers/receiver';
import { type PlannedJob } from './scenario';
import { attemptsHeader, eventType, happeningRow, statusCell } from './table';
import { type TenantAccess } from './tenants';
import { clockTime, dim, green, heading, red, say } from './terminal';
import { type Happening, isOpen, type Job, type Watch } from './watch';

/** What came of the show: figures for the summary, and what went differently. */
export interface Findings {
  jobs: number;
  attempts: number;
  callbacks: number;
  deviations: string[];
}

const POLL_MS = 100;
const FOLLOW_MS = 300;
/** Far more than the scenario takes on a slow machine. */
const DEADLINE_MS = 60_000;

function showReceivers(tenants: readonly TenantAccess[], receivers: readonly Receiver[]): void {
  heading('Two tenants, each with its own key, signing secret and receivers');
  for (const { id, name, isNew } of tenants) {
    say(`  ${id.padEnd(10)}${name} ${dim(isNew ? 'new' : 'from an earlier run, signing secret rotated')}`);
    for (const receiver of receivers.filter(({ tenantId }) => tenantId === id)) {
      say(
        `    ${receiver.name.padEnd(18)}${receiver.destination.protocol}  ${receiver.manner.padEnd(29)}${dim(receiver.address)}`,
      );
    }
  }
}

/** Submits the jobs and follows them to their ends and callbacks. */
async function showJobs(planned: readonly PlannedJob[], watch: Watch): Promise<Job[]> {
  heading('Submitting');
  const jobs: Job[] = [];
  for (const plan of planned) jobs.push(await submit(plan, watch));
  heading('Attempts as they happen');
  say(attemptsHeader());
  const deadline = Date.now() + DEADLINE_MS;
  while (!planned.every((plan, at) => isOver(plan, jobs[at])) && Date.now() < deadline) {
    await watch.look();
    await pause(POLL_MS);
  }
  await watch.look();
  return jobs;
}

async function submit(plan: PlannedJob, watch: Watch): Promise<Job> {
  const { tenant, submission, deliverAfterMs: after } = plan;
  const later =
    after === undefined ? {} : { options: { deliver_at: new Date(Date.now() + after).toISOString() } };
  const receipt = await tenant.api.post<Receipt>('/distribution/submit', { ...submission, ...later });
  const job = watch.follow(tenant, receipt.distribution_id);
  say(`  ${job.number}  ${tenant.id.padEnd(8)}  ${receipt.distribution_id.padEnd(23)}  ${receipt.status}`);
  say(`     ${dim(plan.about)}`);
  return job;
}

const isOver = ({ callback }: PlannedJob, job: Job | undefined): boolean =>
  job !== undefined &&
  !isOpen(job.status) &&
  callback.received.some(({ distributionId }) => distributionId === job.distributionId);

async function showOutcomes(planned: readonly PlannedJob[], jobs: readonly Job[]): Promise<void> {
  heading('What became of them');
  for (const [at, { tenant, distributionId, expected, callback }] of planned.entries()) {
    const { number, status } = jobs[at] as Job;
    const { text, paint = dim } = statusCell(status);
    const why = expected.remark === undefined ? '' : dim(`: ${expected.remark}`);
    say(`  ${number}  ${tenant.id.padEnd(8)}  ${distributionId.padEnd(23)}  ${paint(text)}${why}`);
    const { events } = await tenant.api.get<{ events: JobEvent[] }>(jobPath(distributionId, 'events'));
    for (const event of events) say(`     ${eventLine(event)}`);
    for (const arrival of callback.received.filter((one) => one.distributionId === distributionId)) {
      const verdict =
        arrival.forged === undefined
          ? green('signature verified: yes')
          : red(`signature verified: no, ${arrival.forged}`);
      say(`     ${dim(clockTime(arrival.at))}  callback ${eventType(arrival)}, ${verdict}`);
    }
  }
}

function eventLine({ from_status, to_status, actor, reason, timestamp }: JobEvent): string {
  const transition = from_status === null ? to_status : `${from_status} → ${to_status}`;
  // A node's name is a UUID, and an error says at length what to do; here they are one line.
  const who = actor.replace(/^node:.*/, 'worker');
  const why = reason.replace(/[:;.].*/, '');
  return `${dim(clockTime(new Date(timestamp)))}  ${transition.padEnd(24)}${dim(`${why} (${who})`)}`;
}

/** Each tenant asks for a job of the other one. Returns what it should not have seen. */
async function showIsolation(jobs: readonly Job[], tenants: readonly TenantAccess[]): Promise<string[]> {
  heading('No tenant sees another one');
  const found: string[] = [];
  for (const stranger of tenants) {
    const own = jobs
      .filter(({ tenant }) => tenant.id === stranger.id)
      .map(({ distributionId }) => distributionId);
    const foreign = jobs.find(({ tenant }) => tenant.id !== stranger.id);
    if (foreign === undefined) continue;
    const { answer, found: seen } = await isolationDeviations(stranger, own, foreign.distributionId);
    const paint = seen.length === 0 ? green : red;
    say(
      `  ${stranger.id.padEnd(10)}asks for job ${foreign.number} of ${foreign.tenant.id.padEnd(10)}${paint(answer)}`,
    );
    found.push(...seen);
  }
  return found;
}

/** Attempts of whatever is submitted from now on, until the demo ends. */
export async function follow(watch: Watch, tenants: readonly TenantAccess[], since: Date): Promise<never> {
  say(`\n${attemptsHeader()}`);
  for (;;) {
    for (const tenant of tenants) await watch.discover(tenant, since);
    await watch.look();
    await pause(FOLLOW_MS);
  }
}

/** The whole of it, from the submissions to the findings. */
export async function show(
  planned: readonly PlannedJob[],
  tenants: readonly TenantAccess[],
  receivers: readonly Receiver[],
  watch: Watch,
  happenings: readonly Happening[],
): Promise<Findings> {
  showReceivers(tenants, receivers);
  const jobs = await showJobs(planned, watch);
  await showOutcomes(planned, jobs);
  const seen = await showIsolation(jobs, tenants);
  return {
    jobs: jobs.length,
    attempts: happenings.filter(({ kind }) => kind === 'attempt').length,
    callbacks: happenings.filter(({ kind }) => kind === 'callback').length,
    deviations: [...(await deviations(planned, receivers)), ...seen],
  };
}

export const printHappening = (happening: Happening): void => say(happeningRow(happening));
