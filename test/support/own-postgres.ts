import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
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

  async dispose(): Promise<void> {
    await this.helper.stop();
    await rm(this.directory, { recursive: true, force: true });
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
