import { type IsolationLevel } from '../schema';
import { type SqlValue } from '../values';

export interface SqlResult {
  /** Rows changed, or rows found. */
  affected: number;
  rows: Record<string, unknown>[];
}

/** What a failure says about itself, whichever driver reported it. */
export interface SqlFault {
  /** SQLSTATE, five characters. */
  state: string | undefined;
  /** The vendor's number (1205), or the code of a network fault (ECONNREFUSED). */
  code: number | string | undefined;
  /** The server's words; undefined where no server spoke. */
  answer: string | undefined;
  /** The session ends with it, whatever the server said. */
  fatal: boolean;
}

/** One session with a database. Every promise rejects with the driver's own error, which `faultOf` explains. */
export interface SqlConnection {
  query(sql: string, values: readonly SqlValue[]): Promise<SqlResult>;
  begin(isolation: IsolationLevel | undefined): Promise<void>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  /** Calls back once when the session ends without being asked to. */
  onLost(lost: () => void): void;
  /** Has the server stop what it is doing, then ends the session; never rejects, bounded in time. */
  abandon(): Promise<void>;
  /** Ends an idle session; never rejects, bounded in time. */
  close(): Promise<void>;
}

export interface Driver {
  /** Rejects within the connect time-out; the session is ready for work, its time zone UTC. */
  connect(): Promise<SqlConnection>;
  faultOf(error: unknown): SqlFault;
}
