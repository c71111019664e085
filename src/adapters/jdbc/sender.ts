import { Capture } from '../capture';
import { CLOSED, failed, type Failure, unwritable } from '../failure';
import { type TlsOptions } from '../network-connect';
import { type NetworkGuard } from '../network-guard';
import { type Delivery, type Health, type Outcome, type Sender } from '../port';
import { connectTimeoutMs, DEFAULT_RESPONSE_BYTES, plain } from '../schema-parts';
import { secretTexts } from '../secrets';
import { plainTls } from '../tls-configuration';
import { UnderWay } from '../under-way';
import { isUniqueViolation, verdictOf } from './classify';
import { ColumnTypeCache } from './column-types';
import { type Dialect, DIALECTS } from './dialect';
import { type Driver, type SqlConnection, type SqlFault } from './drivers/connection';
import { driverFor } from './drivers/open';
import { type Entry, Groups } from './groups';
import { type Job, type JobMaker, jobMaker } from './job';
import { ConnectionPool } from './pool';
import { type JdbcConfiguration, jdbcSchema } from './schema';
import { type JdbcTarget, parseJdbcUrl } from './url';
import { sizeOf } from './values';
import { isWritten, MissingRow, mostRows, UncleanSession, write, type WriteOptions } from './write';

export interface JdbcOptions {
  guard: NetworkGuard;
}

const DEFAULT_CONNECTIONS = 10;
/** Fewer than connections: what waits meanwhile makes the next group larger. */
const GROUPS_SIDE_BY_SIDE = 4;
/** Beyond what a job may ask for: the caller's signal comes first, this is for a caller that is gone. */
const STATEMENT_GRACE_SECONDS = 5;
const LONGEST_ATTEMPT_SECONDS = 1800;

/** Deliveries into one database, over one pool of sessions. */
export class JdbcSender implements Sender {
  private readonly dialect: Dialect;
  private readonly driver: Driver;
  private readonly pool: ConnectionPool;
  private readonly capture: Capture;
  private readonly makeJob: JobMaker;
  private readonly writing: WriteOptions;
  private readonly groups: Groups;
  private readonly underWay = new UnderWay();

  /** Connects nowhere yet. The configuration has passed `parse`, its references are resolved; throws otherwise. */
  constructor(configuration: JdbcConfiguration, { guard }: JdbcOptions) {
    const parsed = parseJdbcUrl(configuration.connection.url, guard);
    if (!parsed.ok) throw new Error(`connection.url ${parsed.issue}`);
    this.dialect = DIALECTS[parsed.target.dialect];
    this.driver = openDriver(configuration, parsed.target, guard);
    this.pool = new ConnectionPool(this.driver, poolSize(configuration));
    const secrets = secretTexts(configuration, jdbcSchema);
    this.capture = new Capture(configuration.max_response_bytes ?? DEFAULT_RESPONSE_BYTES, secrets);
    this.makeJob = jobMaker(configuration, this.dialect);
    this.writing = {
      dialect: this.dialect,
      batchSize: configuration.batch_size ?? 500,
      isolation: configuration.isolation_level,
      rowMustExist: configuration.missing_row !== 'ignore',
      columnTypes: new ColumnTypeCache(this.dialect.name).of,
    };
    this.groups = this.makeGroups(Math.min(GROUPS_SIDE_BY_SIDE, poolSize(configuration)));
  }

  async deliver(delivery: Delivery, signal: AbortSignal): Promise<Outcome> {
    if (this.underWay.isClosing) return failed(CLOSED);
    const prepared = this.makeJob(delivery);
    if (!prepared.ok) return failed(unwritable(prepared.issue));
    const { job } = prepared;
    if (job.values.length === 0) return this.delivered(job, 0, 'The job has no rows: nothing was written.');
    const work = this.attempt(job, delivery.attemptNumber, signal);
    return this.underWay.track(work);
  }

  async checkHealth(signal: AbortSignal): Promise<Health> {
    const begun = performance.now();
    const latencyMs = (): number => Math.round(performance.now() - begun);
    const unhealthy = ({ code, message }: Failure): Health => ({
      status: 'unhealthy',
      latencyMs: latencyMs(),
      code,
      message,
    });
    if (this.underWay.isClosing) return unhealthy(CLOSED);
    try {
      await this.pool.use(
        signal,
        (connection) => connection.query(this.dialect.select1, []),
        this.leavesClean,
      );
      return { status: 'healthy', latencyMs: latencyMs(), message: 'The database answered.' };
    } catch (error) {
      return unhealthy(verdictOf(this.dialect.name, error, this.driver.faultOf(error)));
    }
  }

  /** Waits for the deliveries under way, which end by their own signals. */
  close(): Promise<void> {
    return this.underWay.close(() => this.pool.close());
  }

  /** A repeat goes alone: whatever held up the first attempt holds up no other delivery. */
  private async attempt(job: Job, attemptNumber: number, signal: AbortSignal): Promise<Outcome> {
    const bytes = bytesOf(job);
    const progress = { bytesSent: 0 };
    const started = (): void => void (progress.bytesSent = bytes);
    try {
      if (attemptNumber > 1 || !this.groups.takes(job, bytes)) {
        return await this.writeAlone({ job, signal, started });
      }
      return await this.groups.submit({ job, bytes, signal, started });
    } catch (error) {
      return this.outcomeOf(error, progress.bytesSent);
    }
  }

  private writeAlone({
    job,
    signal,
    started,
  }: Omit<Entry, 'bytes' | 'job'> & { job: Job }): Promise<Outcome> {
    const work = (connection: SqlConnection): Promise<Outcome> => {
      started();
      return this.writeOnce(connection, job);
    };
    return this.pool.use(signal, work, this.leavesClean);
  }

  private makeGroups(sideBySide: number): Groups {
    const writing = { ...this.writing, allNew: true };
    return new Groups({
      sideBySide,
      mostRows: (columns) => mostRows(writing, columns),
      together: async ({ job, signal, started }) => {
        const work = (connection: SqlConnection): Promise<number> => {
          started();
          return write(connection, job, writing);
        };
        await this.pool.use(signal, work, this.leavesClean);
      },
      alone: (entry) => this.writeAlone(entry),
      written: (job) => this.delivered(job, job.values.length, undefined),
      // The server has refused and keeps the session; anything else would meet each of them alike.
      isOfOneRow: (error) => this.driver.faultOf(error).answer !== undefined && this.leavesClean(error),
    });
  }

  private async writeOnce(connection: SqlConnection, job: Job): Promise<Outcome> {
    try {
      const affected = await write(connection, job, this.writing);
      const isRepeat = affected === 0 && job.kind === 'table' && job.mode === 'insert';
      return this.delivered(job, affected, isRepeat ? 'The delivery was there already.' : undefined);
    } catch (error) {
      const repeat =
        !(error instanceof UncleanSession) &&
        job.kind === 'table' &&
        job.mode === 'insert' &&
        isUniqueViolation(this.dialect.name, this.driver.faultOf(error)) &&
        (await isWritten(connection, job, this.dialect));
      if (repeat) return this.delivered(job, 0, 'The delivery was there already.');
      throw error;
    }
  }

  /** The server spoke and keeps the session: whatever it refused is rolled back. */
  private readonly leavesClean = (error: unknown): boolean => {
    if (error instanceof MissingRow) return true;
    if (error instanceof UncleanSession) return false;
    return !this.driver.faultOf(error).fatal;
  };

  private outcomeOf(error: unknown, bytesSent: number): Outcome {
    if (error instanceof MissingRow) {
      const message = `${error.message} Deliver it with upsert, or set missing_row to ignore.`;
      return failed({ kind: 'refused', code: 'RECEIVER_REFUSED', message }, { bytesSent });
    }
    const cause = error instanceof UncleanSession ? error.cause : error;
    const fault = this.driver.faultOf(cause);
    return this.failed(verdictOf(this.dialect.name, cause, fault), bytesSent, fault, cause);
  }

  private delivered(job: Job, affected: number, note: string | undefined): Outcome {
    const body = this.capture.text(Buffer.from(JSON.stringify({ rows_affected: affected })));
    return {
      kind: 'delivered',
      response: { statusCode: undefined, body },
      bytesSent: bytesOf(job),
      log: note === undefined ? [] : [{ level: 'info', message: note }],
    };
  }

  private failed(failure: Failure, bytesSent: number, fault: SqlFault, error: unknown): Outcome {
    const body = fault.answer === undefined ? undefined : this.capture.text(Buffer.from(fault.answer));
    const words = error instanceof Error ? this.capture.hide(error.message) : undefined;
    return failed(failure, {
      response: body === undefined ? undefined : { statusCode: undefined, body },
      bytesSent,
      log: words === undefined ? [] : [{ level: 'warn', message: `${failure.code}: ${words}` }],
    });
  }
}

const bytesOf = (job: Job): number =>
  job.values.reduce((sum, row) => sum + row.reduce<number>((part, value) => part + sizeOf(value), 0), 0);

const poolSize = ({ pool_size, max_in_flight }: JdbcConfiguration): number =>
  Math.min(pool_size ?? DEFAULT_CONNECTIONS, max_in_flight ?? Number.POSITIVE_INFINITY);

function openDriver(configuration: JdbcConfiguration, target: JdbcTarget, guard: NetworkGuard): Driver {
  const { credentials } = configuration.connection;
  return driverFor({
    guard,
    target,
    username: credentials.username,
    password: credentials.password === undefined ? '' : plain(credentials.password),
    tls: tlsOf(configuration, target),
    connectTimeoutMs: connectTimeoutMs(configuration),
    statementTimeoutMs:
      ((configuration.timeout_seconds ?? LONGEST_ATTEMPT_SECONDS) + STATEMENT_GRACE_SECONDS) * 1000,
    applicationName: target.applicationName ?? 'Distributor',
  });
}

/** TLS where `tls` is given or the URL asks for it, and for SQL Server unless the URL forbids it. */
function tlsOf(configuration: JdbcConfiguration, target: JdbcTarget): TlsOptions | undefined {
  const { tls } = configuration.connection;
  const byDefault = target.dialect === 'sqlserver';
  if (tls === undefined) return (target.encrypt ?? byDefault) ? {} : undefined;
  return plainTls(tls);
}
