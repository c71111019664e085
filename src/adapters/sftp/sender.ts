import { setMaxListeners } from 'node:events';
import { Capture } from '../capture';
import { endedBy } from '../ended-by';
import { CLOSED, failed, unwritable } from '../failure';
import { type NetworkGuard } from '../network-guard';
import { type Delivery, type Health, type LogLine, type Outcome, type Sender } from '../port';
import { DEFAULT_RESPONSE_BYTES } from '../schema-parts';
import { secretTexts } from '../secrets';
import { UnderWay } from '../under-way';
import { STATUS, StatusFault, verdictOf } from './classify';
import { Connection, login } from './connection';
import { parsePaths, type PathTemplates, type Place, renderPlace } from './paths';
import { Pool } from './pool';
import { type SftpConfiguration, sftpSchema } from './schema';
import { store, type Stored } from './upload';

const DEFAULT_CONNECTIONS = 4;

/** One file for each delivery, over kept connections to one server. */
export class SftpSender implements Sender {
  private readonly templates: PathTemplates;
  private readonly pool: Pool;
  private readonly capture: Capture;
  private readonly underWay = new UnderWay();

  /** Opens nothing yet. The configuration has passed `parse`, its references are resolved; throws otherwise. */
  constructor(
    private readonly configuration: SftpConfiguration,
    private readonly guard: NetworkGuard,
  ) {
    const { templates, issues } = parsePaths(configuration);
    if (issues[0] !== undefined) throw new Error(`${issues[0].field} ${issues[0].issue}`);
    this.templates = templates;
    // An unresolved reference is a bug of the caller and must not look like a failed connection.
    login(configuration);
    this.pool = new Pool(configuration.max_connections ?? DEFAULT_CONNECTIONS, (signal) =>
      Connection.open(guard, configuration, signal),
    );
    const secrets = secretTexts(configuration, sftpSchema);
    this.capture = new Capture(DEFAULT_RESPONSE_BYTES, secrets);
  }

  async deliver(delivery: Delivery, signal: AbortSignal): Promise<Outcome> {
    if (signal.aborted) return failed(verdictOf(endedBy(signal)));
    if (this.underWay.isClosing) return failed(CLOSED);
    const rendered = renderPlace(this.templates, delivery);
    if (!rendered.ok) return failed(unwritable(rendered.issue));
    // One signal may serve a whole batch of deliveries.
    setMaxListeners(0, signal);
    return this.underWay.track(this.store(rendered.place, delivery.body, signal));
  }

  /** Logs in over a connection of its own and looks whether the directory is there. */
  async checkHealth(signal: AbortSignal): Promise<Health> {
    const started = performance.now();
    const latency = (): number => Math.round(performance.now() - started);
    let connection: Connection | undefined;
    const stop = (): void => connection?.destroy();
    signal.addEventListener('abort', stop, { once: true });
    try {
      connection = await Connection.open(this.guard, this.configuration, signal);
      await this.lookForDirectory(connection);
      return { status: 'healthy', latencyMs: latency(), message: 'The server let the user in.' };
    } catch (error) {
      const { code, message } = verdictOf(signal.aborted ? endedBy(signal) : (error as Error));
      return { status: 'unhealthy', latencyMs: latency(), code, message };
    } finally {
      signal.removeEventListener('abort', stop);
      await connection?.close();
    }
  }

  /** Waits for the deliveries under way, which end by their own signals. */
  close(): Promise<void> {
    return this.underWay.close(() => this.pool.close());
  }

  private async lookForDirectory(connection: Connection): Promise<void> {
    // One that depends on the job, or is made when needed, may rightly be missing.
    const path = this.templates.directory.constant ?? '.';
    try {
      await connection.call<unknown>('stat', (sftp, done) => sftp.stat(path, done));
    } catch (error) {
      const missing = error instanceof StatusFault && error.status === STATUS.noSuchFile;
      if (!missing || this.configuration.mkdirs !== true) throw error;
    }
  }

  private async store(place: Place, body: Buffer, signal: AbortSignal): Promise<Outcome> {
    const progress = { bytes: 0 };
    const { configuration } = this;
    try {
      const stored = await this.pool.use(signal, (connection) =>
        store({ connection, place, body, configuration, progress }),
      );
      return this.storedOutcome(stored, body.length, progress.bytes);
    } catch (caught) {
      const error = caught as Error;
      const failure = verdictOf(error);
      const words = this.capture.hide(error.message);
      return failed(failure, {
        response: error instanceof StatusFault ? { statusCode: undefined, body: words } : undefined,
        bytesSent: progress.bytes,
        log: [this.line('warn', `${failure.code}: ${words}`)],
      });
    }
  }

  private storedOutcome({ kind, path }: Stored, bytes: number, sent: number): Outcome {
    if (kind === 'stored') {
      const body = this.capture.text(Buffer.from(`stored as ${path}`));
      // A repeat that found its file need not send it again; what counts is what the receiver holds.
      return { kind: 'delivered', response: { statusCode: undefined, body }, bytesSent: bytes, log: [] };
    }
    const response = { statusCode: undefined, body: this.capture.text(Buffer.from(`another file: ${path}`)) };
    if (kind === 'kept') {
      const log = [this.line('info', 'another file has the name and was left alone')];
      return { kind: 'delivered', response, bytesSent: sent, log };
    }
    const message =
      'Another file has the name, and "conflict": "fail" forbids replacing it. Change the name or the policy, then replay.';
    return { kind: 'refused', code: 'RECEIVER_REFUSED', message, response, bytesSent: sent, log: [] };
  }

  /** Without the path: it may hold what the job holds. */
  private line(level: LogLine['level'], message: string): LogLine {
    return { level, message: `sftp://${this.configuration.host}: ${message}` };
  }
}
