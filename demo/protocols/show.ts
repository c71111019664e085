import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { type JobStatus, jobPath, type Receipt } from '../api';
import { activityReport } from '../reports';
import { startRestReceiver } from '../receivers/rest';
import { type TenantAccess } from '../tenants';
import { dim, green, heading, red, say, yellow } from '../terminal';
import { isOpen } from '../watch';
import { amqpReceiver } from './amqp';
import { emailReceiver } from './email';
import { jdbcReceiver } from './jdbc';
import { NotToBeHad, type ProtocolReceiver } from './receiver';
import { s3Receiver } from './s3';
import { sftpReceiver } from './sftp';

export const MARE = { id: 'mare', name: 'Provincia di Mare' };

const POLL_MS = 100;
const DEADLINE_MS = 20_000;

/** One job to every protocol whose server is here. Returns what went differently. */
export async function showProtocols(tenant: TenantAccess, dataDir: string): Promise<string[]> {
  heading('One job by every protocol');
  const receivers: ProtocolReceiver[] = [];
  try {
    for (const [protocol, open] of Object.entries(openers(tenant, dataDir))) {
      try {
        receivers.push(await open());
      } catch (error) {
        if (!(error instanceof NotToBeHad)) throw error;
        say(`  ${protocol.padEnd(6)} ${yellow('left out')}: ${error.message}`);
      }
    }
    return await deliverToAll(tenant, receivers);
  } finally {
    await Promise.all(receivers.map((receiver) => receiver.stop()));
  }
}

const openers = (tenant: TenantAccess, dataDir: string): Record<string, () => Promise<ProtocolReceiver>> => ({
  REST: () => restReceiver(tenant),
  AMQP: amqpReceiver,
  JDBC: () => jdbcReceiver(dataDir),
  S3: s3Receiver,
  SFTP: sftpReceiver,
  EMAIL: emailReceiver,
});

async function restReceiver({ id, signingSecret }: TenantAccess): Promise<ProtocolReceiver> {
  const answer = () => ({ status: 200, body: { received: true } });
  const options = { name: 'portal', tenantId: id, secret: signingSecret, manner: 'answers 200', answer };
  const receiver = await startRestReceiver(options);
  return {
    protocol: 'REST',
    address: receiver.address,
    configuration: { endpoint: receiver.address },
    arrived: () =>
      receiver.received.map(
        ({ forged }) => `request, signature ${forged === undefined ? 'verified' : forged}`,
      ),
    stop: () => receiver.stop(),
  };
}

async function deliverToAll({ api }: TenantAccess, receivers: ProtocolReceiver[]): Promise<string[]> {
  const report = activityReport('RPT-2026-09-0119');
  const { distribution_id: id } = await api.post<Receipt>('/distribution/submit', {
    distribution_id: `everywhere-${randomBytes(3).toString('hex')}`,
    data_type: 'activity_report',
    payload: report,
    destinations: receivers.map(({ protocol, configuration }) => ({
      name: `by-${protocol.toLowerCase()}`,
      protocol,
      ...configuration,
    })),
  });
  const job = await ended(api, id);
  const deviations: string[] = [];
  for (const receiver of receivers) {
    const arrived = await receiver.arrived();
    const destination = job.destinations.find(({ name }) => name === `by-${receiver.protocol.toLowerCase()}`);
    const isThere = destination?.status === 'success' && arrived.length === 1;
    const what =
      arrived.join('; ') || `nothing (${destination?.error_code ?? destination?.status ?? 'unknown'})`;
    say(`  ${receiver.protocol.padEnd(6)} ${(isThere ? green : red)(what)}  ${dim(receiver.address)}`);
    if (!isThere) deviations.push(`${id}: by ${receiver.protocol} arrived ${what}`);
  }
  return deviations;
}

async function ended(api: TenantAccess['api'], id: string): Promise<JobStatus> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const job = await api.get<JobStatus>(jobPath(id, 'status'));
    if (!isOpen(job.status) || Date.now() > deadline) return job;
    await pause(POLL_MS);
  }
}
