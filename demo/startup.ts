import { type LogLine, type Service } from './service';
import { Progress } from './terminal';

/** Shows what the service is busy with until it is ready, and returns where it listens. */
export class StartupView {
  private readonly progress = new Progress();
  private silent = false;

  constructor(private readonly dataDir: string) {
    this.progress.begin('starting PostgreSQL');
  }

  readonly onLog = ({ msg, migrations }: LogLine): void => {
    if (this.silent) return;
    if (msg.startsWith('initialising embedded PostgreSQL')) {
      const version = /\d+/.exec(msg)?.[0] ?? '';
      this.progress.begin(`initialising PostgreSQL ${version} in ${this.dataDir}, at the first run only`);
    } else if (/^embedded PostgreSQL (started|was still running)/.test(msg)) {
      this.progress.end(/on port \d+$/.exec(msg)?.[0]);
      this.progress.begin('bringing the schema up to date, starting API and workers');
    } else if (Array.isArray(migrations)) {
      this.progress.end(`${migrations.length} migrations`);
      this.progress.begin('starting API and workers');
    }
  };

  /** The demo is being stopped: what the service still finishes is of no interest, and nothing follows from it. */
  silence(): void {
    this.silent = true;
  }

  async until({ ready }: Service): Promise<string> {
    try {
      const url = await ready;
      if (this.silent) return await new Promise<never>(() => undefined);
      this.progress.end(url);
      return url;
    } catch (error) {
      this.progress.interrupt();
      throw error;
    }
  }
}
