import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { serverAccount } from '../../src/database/embedded/account';
import { OwnPostgres } from '../support/own-postgres';
import { temporaryDirectory } from '../support/temporary-directory';
import { type Chaos } from './harness/chaos';
import { fault, type Outcome } from './harness/fault';

const SIZE_MB = 96;

/** A disk of its own for the tables of one database. */
async function smallDisk(chaos: Chaos): Promise<string> {
  const mount = await temporaryDirectory('disk');
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_MB}m,mode=711`, 'tmpfs', mount]);
  chaos.atEnd(async () => {
    execFileSync('umount', [mount]);
    await rm(mount, { recursive: true, force: true });
  });
  const tables = join(mount, 'tables');
  mkdirSync(tables);
  const account = await serverAccount();
  if (account !== undefined) chownSync(tables, account.uid, account.gid);
  return mount;
}

async function databaseOn(mount: string, postgres: OwnPostgres): Promise<string> {
  const client = new Client({ connectionString: postgres.url });
  await client.connect();
  await client.query(`CREATE TABLESPACE small LOCATION '${join(mount, 'tables')}'`);
  await client.query('CREATE DATABASE small TABLESPACE small');
  await client.end();
  const url = new URL(postgres.url);
  url.pathname = '/small';
  return url.href;
}

/** Writes until there is not one page left. */
async function fill(path: string): Promise<void> {
  const file = await open(path, 'a');
  try {
    for (const bytes of [1024 * 1024, 4096]) await writeOn(file, Buffer.alloc(bytes));
  } finally {
    await file.close();
  }
}

async function writeOn(file: Awaited<ReturnType<typeof open>>, block: Buffer): Promise<void> {
  try {
    for (;;) await file.appendFile(block);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}

async function scenario(chaos: Chaos): Promise<Outcome> {
  const mount = await smallDisk(chaos);
  const postgres = await OwnPostgres.start();
  chaos.atEnd(() => postgres.dispose());
  await chaos.open({ url: await databaseOn(mount, postgres) });
  await chaos.start();
  const tenant = await chaos.tenant('disk');
  for (const name of ['one', 'two']) await chaos.destination(tenant, name);
  // Large enough that every few jobs need a new page.
  const load = chaos.load({
    tenant,
    jobs: 100_000,
    destinations: ['one', 'two'],
    perSecond: 60,
    bytes: 4000,
  });

  let recoverySeconds = 0;
  const ballast = join(mount, 'ballast');
  for (let round = 0; round < chaos.scaled(1, 3); round++) {
    await chaos.ledger.reaches(chaos.ledger.count() + chaos.random.between(40, 80));
    await fill(ballast);
    await load.fails(load.failures + 10);
    expect(load.broken).toBe(0);
    await rm(ballast);
    const back = performance.now();
    await load.reaches(load.acknowledged + 10);
    await chaos.ledger.reaches(chaos.ledger.count() + 10);
    recoverySeconds = Math.max(recoverySeconds, (performance.now() - back) / 1000);
  }
  await load.stop();
  await chaos.settled();

  expect([...load.refusals.keys()]).toEqual([503]);
  await chaos.expectAllAlive();
  return { recoverySeconds, figures: { refused: load.failures } };
}

fault(
  'disk-full',
  'a database without room means 503, and nothing half accepted',
  scenario,
  process.getuid?.() === 0 && process.platform === 'linux'
    ? undefined
    : 'right to mount a small disk (root on Linux)',
);
