import { hostname } from 'node:os';
import { type SystemTransaction } from '../database/system-transaction';
import { type NodeId } from '../kernel/ids';

const EVERY_MS = 5000;

const BEAT = {
  name: 'heartbeat',
  text: `
    INSERT INTO nodes (id, role, hostname, pid, version, load) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (id) DO UPDATE SET heartbeat_at = now(), load = excluded.load`,
};

const LEAVE = { name: 'leave', text: `DELETE FROM nodes WHERE id = $1` };

export interface NodeIdentity {
  id: NodeId;
  role: string;
  version: string;
}

/** Says that this process lives; one that falls silent loses its leases (upkeep/rescue.ts). */
export class Heartbeat {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly system: SystemTransaction,
    private readonly node: NodeIdentity,
    private readonly load: () => object,
    private readonly onFault: (error: unknown) => void,
  ) {}

  /** Returns when the first beat is recorded: a node claims nothing before it is known. */
  async start(): Promise<void> {
    await this.beat();
    this.timer = setInterval(() => void this.beat().catch(this.onFault), EVERY_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.system.query(LEAVE, [this.node.id]).catch(this.onFault);
  }

  private async beat(): Promise<void> {
    const { id, role, version } = this.node;
    await this.system.query(BEAT, [id, role, hostname(), process.pid, version, JSON.stringify(this.load())]);
  }
}
