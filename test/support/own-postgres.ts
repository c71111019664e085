import { execFile } from 'node:child_process';
import { appendFile, chown, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { serverAccount } from '../../src/database/embedded/account';
import { freePort, readSettings, saveSettings } from '../../src/database/embedded/settings';
import { eventually } from './eventually';
import { type HelperProcess, startHelper } from './helper-process';
import { temporaryDirectory } from './temporary-directory';

/** A PostgreSQL of one test alone, that it may break: the embedded one, in a directory of its own. */
export class OwnPostgres {
  private constructor(
    private readonly directory: string,
    private helper: HelperProcess,
  ) {}

  static async start(directory?: string): Promise<OwnPostgres> {
    const home = directory ?? (await temporaryDirectory('postgres'));
    return new OwnPostgres(home, await startHelper('embedded-service.ts', home));
  }

  /** As its superuser, of the database `distributor`. The same after a restart. */
  get url(): string {
    return this.helper.url;
  }

  /** As `pg_ctl stop -m immediate`: every session ends at once, nothing is written; the next start recovers. */
  async stopImmediately(): Promise<void> {
    const pid = await this.postmaster();
    process.kill(pid, 'SIGQUIT');
    await eventually({ until: 'PostgreSQL to be gone', withinMs: 30_000 }, () => {
      if (isAlive(pid)) throw new Error(`process ${pid} lives`);
    });
  }

  /** After `stopImmediately`; returns when it takes connections. */
  async start(): Promise<void> {
    const { url } = this.helper;
    await this.helper.stop();
    this.helper = await startHelper('embedded-service.ts', this.directory);
    if (this.helper.url !== url) throw new Error('somebody took the port of the PostgreSQL that was stopped');
  }

  /** A hot standby that streams from this server, from a base backup made now; it has the same logins. */
  async replica(): Promise<OwnPostgres> {
    const home = await temporaryDirectory('replica');
    const data = join(home, 'postgres');
    const label = await this.backedUp(() =>
      promisify(execFile)('cp', ['-a', join(this.directory, 'postgres'), data]),
    );
    await this.writeFile(join(data, 'backup_label'), label);
    await rm(join(data, 'postmaster.pid'), { force: true });
    const { hostname, port, username, password } = new URL(this.url);
    const primary = `host=${hostname} port=${port} user=${username} password=${password}`;
    await appendFile(join(data, 'postgresql.auto.conf'), `primary_conninfo = '${primary}'\n`);
    await this.writeFile(join(data, 'standby.signal'), '');
    const settings = await readSettings(this.directory);
    if (settings === undefined) throw new Error(`${this.directory} has no settings`);
    await saveSettings(home, { ...settings, port: await freePort() });
    return OwnPostgres.start(home);
  }

  async dispose(): Promise<void> {
    await this.helper.stop();
    await rm(this.directory, { recursive: true, force: true });
  }

  /** As the server's own account would. */
  private async writeFile(path: string, text: string): Promise<void> {
    await writeFile(path, text);
    const account = await serverAccount();
    if (account !== undefined) await chown(path, account.uid, account.gid);
  }

  /** While `copy` is made; gives the label that belongs into it. */
  private async backedUp(copy: () => Promise<unknown>): Promise<string> {
    const client = new Client({ connectionString: this.url });
    await client.connect();
    try {
      await client.query(`SELECT pg_backup_start('replica', true)`);
      await copy();
      const { rows } = await client.query<{ label: string }>(
        'SELECT labelfile AS label FROM pg_backup_stop(false)',
      );
      return rows[0]?.label ?? '';
    } finally {
      await client.end();
    }
  }

  private async postmaster(): Promise<number> {
    const text = await readFile(join(this.directory, 'postgres', 'postmaster.pid'), 'utf8');
    return Number(text.split('\n')[0]);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
