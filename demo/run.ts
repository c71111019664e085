import { join, resolve } from 'node:path';
import { readKeys, saveKeys } from './keys';
import { printNextSteps, printStayingUp } from './next-steps';
import { Cast, COLLINA, collinaJobs, type PlannedJob, VALDORIA, valdoriaJobs } from './scenario';
import { MARE, showProtocols } from './protocols/show';
import { type Service, startService } from './service';
import { type Findings, follow, printHappening, show } from './show';
import { shortPath } from './paths';
import { StartupView } from './startup';
import { openTenant, type TenantAccess } from './tenants';
import { bold, dim, green, Progress, red, say } from './terminal';
import { type Happening, Watch } from './watch';

/**
 * `npm run demo`: the built service on embedded PostgreSQL, with receivers of our own, at work. Stays up until
 * Ctrl-C; with `--once` it stops by itself and tells by its exit code whether all went as it should.
 */

/** What has to be stopped, whatever happens. */
interface Running {
  service: Service | undefined;
  startup: StartupView | undefined;
  cast: Cast;
  /** The exit code, as soon as the show is over. */
  verdict: number | undefined;
}

interface Stage {
  dataDir: string;
  logFile: string;
  /** Who has every protocol; its job is shown by itself. */
  mare: TenantAccess;
  tenants: TenantAccess[];
  planned: PlannedJob[];
}

const INTERRUPTED = 130;

async function main(once: boolean): Promise<number> {
  const running: Running = { service: undefined, startup: undefined, cast: new Cast(), verdict: undefined };
  const playing = play(running, once);
  // Stopped in the middle, it fails at whatever it was doing; nobody needs to know.
  playing.catch(() => undefined);
  try {
    await Promise.race([playing, interruption()]);
  } finally {
    await stop(running);
  }
  return running.verdict ?? INTERRUPTED;
}

/** Resolves at the first signal; the second one waits for nothing: the service then stops by itself. */
function interruption(): Promise<void> {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  return new Promise((resolve) => {
    const onSignal = (): void => {
      for (const signal of signals) process.on(signal, () => process.exit(INTERRUPTED));
      resolve();
    };
    for (const signal of signals) process.once(signal, onSignal);
  });
}

async function play(running: Running, once: boolean): Promise<void> {
  const since = new Date();
  const stage = await setTheStage(running);
  const happenings: Happening[] = [];
  const watch = new Watch(running.cast.receivers, (happening) => {
    happenings.push(happening);
    printHappening(happening);
  });
  const { tenants, planned } = stage;
  const findings = await show(planned, tenants, running.cast.receivers, watch, happenings);
  findings.deviations.push(...(await showProtocols(stage.mare, stage.dataDir)));
  running.verdict = findings.deviations.length === 0 ? 0 : 1;
  if (once) await stop(running);
  printFindings(findings, since);
  if (!once) await stayUp(running, stage, watch, since);
}

/** Service, tenants and receivers. */
async function setTheStage(running: Running): Promise<Stage> {
  const dataDir = resolve(process.env['DATA_DIR'] || 'data/demo');
  const keysFile = join(dataDir, 'demo-keys.json');
  const logFile = join(dataDir, 'service.log');
  say(`${bold('Distributor demo')}  ${dim(`data in ${shortPath(dataDir)}, kept between runs`)}\n`);
  const keys = await readKeys(keysFile);
  const view = new StartupView(shortPath(dataDir));
  running.startup = view;
  running.service = await startService({ dataDir, logFile, adminKey: keys.admin, onLog: view.onLog });
  const url = await view.until(running.service);
  const valdoria = await openTenant(url, keys, VALDORIA);
  const collina = await openTenant(url, keys, COLLINA);
  const mare = await openTenant(url, keys, MARE);
  await saveKeys(keysFile, keys);
  const planned = [
    ...(await valdoriaJobs(valdoria, running.cast)),
    ...(await collinaJobs(collina, running.cast)),
  ];
  return { dataDir, logFile, mare, tenants: [valdoria, collina], planned };
}

/** Until somebody interrupts; rejects when the service ends by itself. */
async function stayUp(
  { service }: Running,
  { tenants, planned, logFile }: Stage,
  watch: Watch,
  since: Date,
): Promise<void> {
  const [job] = planned;
  if (job !== undefined) printNextSteps(job, job.tenant, shortPath(logFile));
  printStayingUp();
  const died = service?.ended.then(() => {
    throw new Error(`the service ended by itself; see ${shortPath(logFile)}.`);
  });
  await Promise.race([follow(watch, tenants, since), died]);
}

/** The service first, so that its deliveries in flight still find their receivers. Idempotent. */
async function stop(running: Running): Promise<void> {
  const { service, cast } = running;
  running.service = undefined;
  running.startup?.silence();
  if (service === undefined || service.hasEnded()) return cast.stop();
  const progress = new Progress();
  // Ctrl-C leaves its ^C at the start of the line.
  say();
  progress.begin('stopping service and PostgreSQL');
  await service.stop();
  await cast.stop();
  progress.end();
}

function printFindings({ jobs, attempts, callbacks, deviations }: Findings, since: Date): void {
  const seconds = ((Date.now() - since.getTime()) / 1000).toFixed(1);
  const figures = `${jobs} jobs, ${attempts} attempts, ${callbacks} callbacks verified, ${seconds} s`;
  if (deviations.length === 0) return say(`\n${green('Demo: all as expected')}: ${figures}`);
  say(`\n${red('Demo: not as expected')}: ${deviations.length} of the checks differ`);
  for (const deviation of deviations) say(`  ${deviation}`);
}

const USAGE = 'usage: npm run demo [-- --once]';

function fail(error: unknown): void {
  process.stderr.write(
    `\n${red('The demo cannot go on')}: ${error instanceof Error ? error.message : String(error)}\n`,
  );
  process.exit(1);
}

const options = process.argv.slice(2);
if (options.every((option) => option === '--once')) {
  main(options.includes('--once')).then((code) => process.exit(code), fail);
} else {
  say(USAGE);
  process.exit(options.includes('--help') ? 0 : 2);
}
