import { type QueueDepth } from '../delivery/claim';
import { type Clock } from '../kernel/clock';

export interface HealthReport {
  status: 'healthy' | 'unhealthy';
  timestamp: string;
  version: string;
  checks?: Record<string, { status: 'healthy' | 'unhealthy'; [figure: string]: unknown }>;
}

export interface HealthParts {
  version: string;
  clock: Clock;
  /** Rejects when the database does not answer. */
  pingDatabase: () => Promise<unknown>;
  queueDepth: () => Promise<QueueDepth>;
  workers: () => { active: number; concurrency: number };
  destinations: () => Promise<{ healthy: number; unhealthy: number; unknown: number }>;
  /** Undefined where this process needs none. */
  broker: () => { connected: boolean; held: number } | undefined;
}

const PATIENCE_MS = 2000;

/** What orchestrators and people ask of a process. It stops being ready before it stops working. */
export class HealthChecks {
  /** From the signal to stop on. */
  isStopping = false;

  constructor(private readonly parts: HealthParts) {}

  beginStop(): void {
    this.isStopping = true;
  }

  live(): HealthReport {
    return this.report(true);
  }

  async ready(): Promise<HealthReport> {
    return this.report(!this.isStopping && (await this.databaseAnswers()));
  }

  async detailed(): Promise<HealthReport> {
    const database = await this.databaseAnswers();
    if (!database) return { ...this.report(false), checks: { database: { status: 'unhealthy' } } };
    return {
      ...this.report(!this.isStopping),
      checks: {
        database: { status: 'healthy' },
        queue: { status: 'healthy', ...(await this.parts.queueDepth()) },
        workers: { status: 'healthy', ...this.parts.workers() },
        destinations: { status: 'healthy', ...(await this.parts.destinations()) },
        ...this.broker(),
      },
    };
  }

  /** The process is ready without it: what comes over HTTP is accepted, and messages wait in the broker. */
  private broker(): HealthReport['checks'] {
    const state = this.parts.broker();
    if (state === undefined) return {};
    return { broker: { status: state.connected ? 'healthy' : 'unhealthy', held_messages: state.held } };
  }

  private report(healthy: boolean): HealthReport {
    return {
      status: healthy ? 'healthy' : 'unhealthy',
      timestamp: this.parts.clock.now().toISOString(),
      version: this.parts.version,
    };
  }

  private databaseAnswers(): Promise<boolean> {
    const answer = this.parts.pingDatabase().then(
      () => true,
      () => false,
    );
    return Promise.race([
      answer,
      new Promise<boolean>((resolve) => setTimeout(resolve, PATIENCE_MS, false).unref()),
    ]);
  }
}
