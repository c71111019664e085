import { type Senders } from '../../../src/adapters/senders';
import { attempt } from '../../../src/delivery/attempt';
import { Claims } from '../../../src/delivery/claim';
import { LaneKeeper } from '../../../src/delivery/lane-keeper';
import { LaneStore } from '../../../src/delivery/lane-store';
import { Lanes } from '../../../src/delivery/lanes';
import { Recorder } from '../../../src/delivery/record';
import { DeliveryWorker } from '../../../src/delivery/worker';
import { type Timers } from '../../../src/kernel/clock';
import { type NodeId } from '../../../src/kernel/ids';
import { type DueLane } from '../../../src/kernel/priority';
import { SecretBox } from '../../../src/kernel/secret-box';
import { BEAT_MS } from '../../../src/upkeep/heartbeat';
import { EPOCH } from '../model/tables';
import { isLostConnection, Link } from './link';
import { type Watch } from './watch';
import { type World } from './world';

export const BREAKER = { threshold: 3, recoveryMs: 3000 };
export const MOST_BACKOFF_SECONDS = 5;
const BOX = new SecretBox(['0'.repeat(64)]);

/**
 * A worker process: the worker of src with its lanes, breaker, recorder and decisions, on a clock of its own. It may
 * crash, which nothing of it survives, or stall, after which it goes on as if no time had passed.
 */
export class SimulatedProcess {
  isAlive = true;
  private isStopping = false;
  private stalledUntil = 0;
  private readonly timers: Timers;
  private readonly worker: DeliveryWorker;

  constructor(
    readonly node: string,
    private readonly world: World,
    private readonly watch: Watch,
  ) {
    const origin = world.random.between(0, 1_000_000);
    this.timers = {
      now: () => origin + world.timeline.now,
      after: (ms, then) => {
        let isWanted = true;
        this.happen(ms, () => {
          if (isWanted) then();
        });
        return () => (isWanted = false);
      },
    };
    this.worker = this.createWorker(new Link(this, world));
    this.worker.start();
    this.beat();
  }

  get isStalled(): boolean {
    return this.stalledUntil > this.world.timeline.now;
  }

  get isUsable(): boolean {
    return this.isAlive && !this.isStopping;
  }

  /** In this process, after so many milliseconds: unless it is dead by then, and not before it moves again. */
  happen(ms: number, then: () => void): void {
    const { timeline } = this.world;
    const now = (): void => {
      if (!this.isAlive) return;
      if (this.isStalled) timeline.at(this.stalledUntil, now);
      else then();
    };
    timeline.at(timeline.now + ms, now);
  }

  crash(): void {
    this.isAlive = false;
  }

  stall(ms: number): void {
    this.stalledUntil = Math.max(this.stalledUntil, this.world.timeline.now + ms);
  }

  unstall(): void {
    this.stalledUntil = 0;
  }

  terminate(): void {
    this.isStopping = true;
    void this.worker.stop(1000).then(() => this.crash());
  }

  wake(lanes?: readonly DueLane[]): void {
    this.happen(0, () => this.worker.wake(lanes));
  }

  hint(laneIds: readonly string[]): void {
    this.happen(0, () => this.worker.hint(laneIds));
  }

  private beat(): void {
    this.world.beat(this.node);
    this.happen(BEAT_MS, () => this.beat());
  }

  private createWorker(link: Link): DeliveryWorker {
    const { world, watch, timers, node } = this;
    const { concurrency, leaseSeconds, timeoutSeconds } = world.scenario;
    const onFault = (error: unknown): void => {
      if (!isLostConnection(error)) watch.violated(`a fault that nobody planned: ${String(error)}`);
    };
    const store = new LaneStore(link, node as NodeId);
    const worker: DeliveryWorker = new DeliveryWorker({
      claims: new Claims(link, node as NodeId, leaseSeconds),
      lanes: new LaneKeeper(new Lanes(BREAKER), store, onFault, () => timers.now()),
      recorder: new Recorder({
        tenants: link,
        timers,
        madeBy: { node, version: '1' },
        onRefused: () => undefined,
        onFault,
        onReleased: (lanes) => worker.wake(lanes),
        deadLetterDays: 30,
      }),
      attempt: (claimed, deadlines) => {
        const parts = {
          senders: { use: this.send(claimed) },
          clock: { now: () => new Date(EPOCH + world.timeline.now) },
          random: () => world.random.next(),
          onFault: (error: unknown) => onFault(error),
          catalogue: { byId: async () => world.knownDestination(claimed.lane_id) },
          signingSecrets: { valid: async () => [] },
          transformer: { run: async () => ({ ok: false as const, message: 'no transforms here' }) },
          transforms: { byName: async () => undefined, schemaOf: async () => null },
          adapters: new Map(),
          box: BOX,
          env: { allowed: [], values: {} },
          defaults: {
            retry: {
              maxAttempts: 4,
              initialDelaySeconds: 1,
              backoffMultiplier: 2,
              maxBackoffSeconds: MOST_BACKOFF_SECONDS,
            },
            timeoutSeconds,
            maxTimeoutSeconds: timeoutSeconds,
          },
        };
        return attempt(parts, claimed, deadlines);
      },
      concurrency,
      timers,
      onClaimed: () => undefined,
      onRecorded: (result) => {
        if (result.disables !== undefined) world.disable(result.claimed.lane_id);
      },
      onFault,
    });
    return worker;
  }

  /** What the adapter does: the destination of the scenario answers. */
  private send(claimed: Parameters<World['receive']>[1]): Senders['use'] {
    return async (_key, _open, work) =>
      work({
        deliver: (_delivery, signal) => this.world.receive(this, claimed, signal),
        checkHealth: async () => ({ status: 'healthy', latencyMs: 0, message: '' }),
        close: async () => undefined,
      });
  }
}
