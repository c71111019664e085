import { hostname } from 'node:os';
import { type SystemTransaction } from '../database/system-transaction';
import { type NodeId } from '../kernel/ids';

export const BEAT_MS = 1000;
/** A node that has not been heard of for this long is lost: five heartbeats. */
export const LOST_AFTER_SECONDS = 5;
/** Of a node that is heard without a gap, two heartbeats lie at most so far apart. */
export const GAP_SECONDS = 2;

/** $1 id, $2 role, $3 host, $4 pid, $5 version, $6 load, $7 seconds of silence after which it is lost, $8 of a gap */
export const BEAT = {
  name: 'heartbeat',
  text: `
    INSERT INTO nodes (id, role, hostname, pid, version, load, lost_after_seconds, started_at, heard_since, heartbeat_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, now(), now(), now())
    ON CONFLICT (id) DO UPDATE
    SET heartbeat_at = now(), load = excluded.load,
      heard_since = CASE WHEN nodes.heartbeat_at < now() - make_interval(secs => $8) THEN now()
        ELSE nodes.heard_since END`,
};

const LEAVE = { name: 'leave', text: `DELETE FROM nodes WHERE id = $1` };

export interface NodeIdentity {
  id: NodeId;
  role: string;
  version: string;
}

/**
 * Says that this process lives; one that falls silent loses its leases (upkeep/rescue.ts). The session is its own: behind
 * the work of a busy process a living one would be silent.
 */
export class Heartbeat {
  private timer: NodeJS.Timeout | undefined;
  private isUnderWay = false;

  constructor(
    private readonly session: Pick<SystemTransaction, 'query'>,
    private readonly node: NodeIdentity,
    private readonly load: () => object,
    private readonly onFault: (error: unknown) => void,
  ) {}

  /** Returns when the first beat is recorded: a node claims nothing before it is known. */
  async start(): Promise<void> {
    await this.beat();
    this.timer = setInterval(() => void this.beatAgain(), BEAT_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.session.query(LEAVE, [this.node.id]).catch(this.onFault);
  }

  private async beatAgain(): Promise<void> {
    if (this.isUnderWay) return;
    this.isUnderWay = true;
    await this.beat().catch(this.onFault);
    this.isUnderWay = false;
  }

  private async beat(): Promise<void> {
    const { id, role, version } = this.node;
    const load = JSON.stringify(this.load());
    const values = [id, role, hostname(), process.pid, version, load, LOST_AFTER_SECONDS, GAP_SECONDS];
    await this.session.query(BEAT, values);
  }
}
