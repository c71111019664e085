import { type Attempt, jobPath, type JobStatus } from './api';
import { type Receiver } from './receivers/receiver';
import { type PlannedJob } from './scenario';
import { eventType } from './table';
import { type TenantAccess } from './tenants';

/** What is different from what the scenario says, in sentences; empty where all went as it should. */
export async function deviations(
  jobs: readonly PlannedJob[],
  receivers: readonly Receiver[],
): Promise<string[]> {
  const ofJobs = await Promise.all(jobs.map(deviationsOfJob));
  const forged = receivers.flatMap(({ name, received }) =>
    received.flatMap((arrival) => (arrival.forged === undefined ? [] : [`${name} got ${arrival.forged}`])),
  );
  return [...ofJobs.flat(), ...forged];
}

async function deviationsOfJob({
  tenant,
  distributionId,
  expected,
  callback,
}: PlannedJob): Promise<string[]> {
  const found: string[] = [];
  const compare = (what: string, is: string, should: string): void => {
    if (is !== should) found.push(`${distributionId}: ${what} is ${is}, expected ${should}`);
  };
  const { status, deliver_at } = await tenant.api.get<JobStatus>(jobPath(distributionId, 'status'));
  compare('status', status, expected.status);
  const { attempts } = await tenant.api.get<{ attempts: Attempt[] }>(jobPath(distributionId, 'attempts'));
  for (const [destination, answers] of Object.entries(expected.answers)) {
    const made = attempts.filter((attempt) => attempt.destination === destination);
    const statuses = made.map(({ response }) => response.status ?? 'no answer');
    compare(`answers of ${destination}`, statuses.join(', '), answers.join(', '));
  }
  const events = callback.received.filter((arrival) => arrival.distributionId === distributionId);
  compare('callback', events.map(eventType).join(', ') || 'missing', `distribution.${expected.status}`);
  const early = attempts.filter(({ started_at }) => isBefore(started_at, deliver_at));
  compare('number of attempts before its time', String(early.length), '0');
  return found;
}

const isBefore = (moment: string | null, limit: string | null): boolean =>
  moment !== null && limit !== null && Date.parse(moment) < Date.parse(limit);

/** One tenant's key asks for the other's job and for a list. Two tenants that see each other are a deviation. */
export async function isolationDeviations(
  stranger: TenantAccess,
  own: readonly string[],
  foreign: string,
): Promise<{ answer: string; found: string[] }> {
  const asked = await stranger.api.ask<{ error?: string }>('GET', jobPath(foreign, 'status'));
  const listed = await stranger.api.get<{ distributions: JobStatus[] }>('/distribution/list?limit=1000');
  const tenants = new Set(listed.distributions.map(({ tenant_id }) => tenant_id));
  const ids = listed.distributions.map(({ distribution_id }) => distribution_id);
  const found: string[] = [];
  if (asked.status !== 404) found.push(`${stranger.id} asking for ${foreign} was answered ${asked.status}`);
  if ([...tenants].join() !== stranger.id)
    found.push(`the list of ${stranger.id} has jobs of ${[...tenants].join(', ')}`);
  if (!own.every((id) => ids.includes(id))) found.push(`the list of ${stranger.id} lacks its own jobs`);
  return { answer: `${asked.status} ${asked.body.error ?? ''}`.trim(), found };
}
