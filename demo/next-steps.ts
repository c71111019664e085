import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type PlannedJob } from './scenario';
import { bold, dim, heading, say } from './terminal';
import { type TenantAccess } from './tenants';

const CONSOLE = join(__dirname, '..', '..', 'console', 'dist', 'index.html');

/** Commands that work as they stand while the demo is up. */
export function printNextSteps(job: PlannedJob, tenant: TenantAccess, logFile: string): void {
  const { baseUrl, key } = tenant.api;
  const api = `${baseUrl}/api/v1`;
  const reading = `curl -s -H 'X-API-Key: ${key}'`;
  heading('Go on from here');
  command('what became of job 1, with every destination', [
    `${reading} ${api}/distribution/${job.distributionId}/status`,
  ]);
  command('submit another one, to a registered destination; it appears in the table below', [
    `${reading} -H 'Content-Type: application/json' ${api}/distribution/submit -d '${example()}'`,
  ]);
  command('what there is to deliver to, and the latest jobs', [
    `${reading} ${api}/destinations/list`,
    `${reading} '${api}/distribution/list?limit=5'`,
  ]);
  command('health and metrics', [`curl -s ${baseUrl}/health/ready`, `curl -s ${baseUrl}/metrics`]);
  say(`\n  ${dim('web console')}     ${consoleHint(baseUrl, key)}`);
  say(`  ${dim('every endpoint')}  ${baseUrl}/docs`);
  say(`  ${dim('service log')}     ${logFile}`);
}

/** Where it was built: bin/console.js tells when it could not be. */
function consoleHint(baseUrl: string, key: string): string {
  if (!existsSync(CONSOLE)) return 'not built: npm run console';
  return `${baseUrl}/console/  (choose "Use an API key": ${key})`;
}

function command(purpose: string, lines: readonly string[]): void {
  say(`\n  ${dim(`# ${purpose}`)}`);
  for (const line of lines) say(`  ${line}`);
}

const example = (): string =>
  JSON.stringify({
    data_type: 'activity_report',
    payload: { report_id: 'RPT-MINE-1', data: { total_documents: 12 } },
    destinations: ['regional-register'],
  });

export const printStayingUp = (): void =>
  say(`\n${bold('The service, its database and the receivers stay up.')} Ctrl-C stops them.`);
