/**
 * Debian's RabbitMQ, started by hand beside the one of the system: own node name, ports, data and cookie, on
 * loopback only; everything is removed when it has stopped. With a directory and a port as arguments it keeps its data
 * there, so that it can be started again.
 */
import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Readable } from 'node:stream';
import { promisify } from 'node:util';
import { freePort } from '../../src/database/embedded/settings';
import { runForParent } from './parent-bound';
import { temporaryDirectory } from './temporary-directory';

const execute = promisify(execFile);
// Behind the script in the search path, which insists on an account and the directories of the system's own broker.
const PROGRAM = '/usr/lib/rabbitmq/bin/rabbitmq-server';

runForParent(async () => {
  if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is not installed`);
  const [, , keptHome, keptPort] = process.argv;
  const home = keptHome ?? (await temporaryDirectory('rabbitmq'));
  const [freeOne, epmdPort, distributionPort] = await Promise.all([freePort(), freePort(), freePort()]);
  const port = keptPort === undefined ? freeOne : Number(keptPort);
  const env = await configure(home, { port, epmdPort, distributionPort });
  const broker = spawn(PROGRAM, [], { env, cwd: home, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(broker, 'exit');
  const stop = async (): Promise<void> => {
    broker.kill('SIGTERM');
    await exited;
    // Erlang's port mapper is started by the broker and stays behind.
    await execute('epmd', ['-port', String(epmdPort), '-kill'], { env }).catch(() => undefined);
    if (keptHome === undefined) await rm(home, { recursive: true, force: true });
  };
  await readiness(broker).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return { url: `amqp://guest:guest@127.0.0.1:${port}`, stop };
});

function readiness(broker: ChildProcessByStdio<null, Readable, Readable>): Promise<void> {
  const output: string[] = [];
  return new Promise((resolve, reject) => {
    for (const stream of [broker.stdout, broker.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        output.push(line);
        if (line.includes('Server startup complete')) resolve();
      });
    }
    broker.once('error', reject);
    broker.once('close', () => reject(new Error(`RabbitMQ did not start: ${output.slice(-10).join('\n')}`)));
  });
}

interface Ports {
  port: number;
  epmdPort: number;
  distributionPort: number;
}

/** Nothing of the system's own configuration is read. */
async function configure(
  home: string,
  { port, epmdPort, distributionPort }: Ports,
): Promise<NodeJS.ProcessEnv> {
  const [configuration, plugins] = [join(home, 'rabbitmq.conf'), join(home, 'plugins')];
  await writeFile(configuration, `listeners.tcp.1 = 127.0.0.1:${port}\n`);
  await writeFile(plugins, '[].\n');
  for (const name of ['data', 'log']) await mkdir(join(home, name), { recursive: true });
  return {
    PATH: process.env.PATH,
    HOME: home,
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: String(epmdPort),
    // The data belong to the node of this name.
    RABBITMQ_NODENAME: `${basename(home)}@localhost`,
    RABBITMQ_DIST_PORT: String(distributionPort),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_CONFIG_FILE: configuration,
    RABBITMQ_ENABLED_PLUGINS_FILE: plugins,
    RABBITMQ_MNESIA_BASE: join(home, 'data'),
    RABBITMQ_LOG_BASE: join(home, 'log'),
    RABBITMQ_LOGS: '-',
  };
}
