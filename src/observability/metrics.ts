import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Label values that tenants choose are bounded: beyond this many, the rest counts under `other`. */
const MOST_LABEL_VALUES = 500;

class Bounded {
  private readonly known = new Set<string>();

  of(value: string): string {
    if (this.known.has(value)) return value;
    if (this.known.size >= MOST_LABEL_VALUES) return 'other';
    this.known.add(value);
    return value;
  }
}

/** What Prometheus reads at /metrics; names and labels are part of the contract. */
export class Metrics {
  readonly registry = new Registry();
  private readonly tenants = new Bounded();
  private readonly dataTypes = new Bounded();
  private readonly destinations = new Bounded();

  private readonly requests = new Counter({
    name: 'zenia_distribution_requests_total',
    help: 'Submissions by tenant, data type and what became of them',
    labelNames: ['tenant_id', 'data_type', 'status'],
    registers: [this.registry],
  });
  private readonly attempts = new Counter({
    name: 'zenia_distribution_attempts_total',
    help: 'Delivery attempts by destination and result',
    labelNames: ['destination', 'status'],
    registers: [this.registry],
  });
  private readonly latency = new Histogram({
    name: 'zenia_distribution_latency_seconds',
    help: 'Duration of delivery attempts',
    labelNames: ['destination'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
    registers: [this.registry],
  });
  private readonly claims = new Histogram({
    name: 'zenia_distribution_claim_seconds',
    help: 'What it takes to claim deliveries, the wait for a session of the database included',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
    registers: [this.registry],
  });
  private readonly fenced = new Counter({
    name: 'zenia_distribution_fenced_outcomes_total',
    help: 'Outcomes refused because their lease had passed to another node',
    registers: [this.registry],
  });

  private readonly messages = new Counter({
    name: 'zenia_distribution_amqp_messages_total',
    help: 'Messages taken from the broker by what became of them: accepted, replayed, refused',
    labelNames: ['status'],
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  submission(tenantId: string, dataType: string, status: string): void {
    this.requests.inc({
      tenant_id: this.tenants.of(tenantId),
      data_type: this.dataTypes.of(dataType),
      status,
    });
  }

  attempt(destination: string, status: string, seconds: number | undefined): void {
    const label = this.destinations.of(destination);
    this.attempts.inc({ destination: label, status });
    if (seconds !== undefined) this.latency.observe({ destination: label }, seconds);
  }

  claim(seconds: number): void {
    this.claims.observe(seconds);
  }

  message(status: 'accepted' | 'replayed' | 'refused'): void {
    this.messages.inc({ status });
  }

  fencedOutcome(): void {
    this.fenced.inc();
  }

  /** Asked for at each scrape; the caller decides how fresh the answer is. */
  queueDepth(read: () => Promise<Record<string, number>>): void {
    new Gauge({
      name: 'zenia_distribution_queue_depth',
      help: 'Deliveries that are due, scheduled for later, or in flight',
      labelNames: ['queue_name'],
      registers: [this.registry],
      async collect() {
        for (const [queue, depth] of Object.entries(await read())) this.set({ queue_name: queue }, depth);
      },
    });
  }

  /** Seconds for which the oldest due delivery has been waiting; alarm on it. */
  oldestDue(read: () => Promise<number>): void {
    new Gauge({
      name: 'zenia_distribution_oldest_due_seconds',
      help: 'How long the oldest delivery that is due has been waiting, held and paused lanes included',
      registers: [this.registry],
      async collect() {
        this.set(await read());
      },
    });
  }

  /** Alarm on it: somebody keeps a transaction open, and the queue cannot be vacuumed. */
  deadReadyRows(read: () => Promise<number>): void {
    new Gauge({
      name: 'zenia_distribution_ready_dead_rows',
      help: 'Old versions of rows of the queue that vacuum has not taken away; grows while a transaction is kept open',
      registers: [this.registry],
      async collect() {
        this.set(await read());
      },
    });
  }

  /** By channel; alarm on it: an address or the broker does not take what it is told. */
  pendingCallbacks(read: () => Promise<Record<string, number>>): void {
    new Gauge({
      name: 'zenia_distribution_callbacks_pending',
      help: 'Callbacks and outcome events that have not been taken yet, by channel: webhook, events',
      labelNames: ['channel'],
      registers: [this.registry],
      async collect() {
        for (const [channel, count] of Object.entries(await read())) this.set({ channel }, count);
      },
    });
  }

  lanes(read: () => Record<string, number>): void {
    new Gauge({
      name: 'zenia_distribution_lanes',
      help: 'Lanes with work as this process knows them, by what keeps them',
      labelNames: ['state'],
      registers: [this.registry],
      collect() {
        for (const [state, count] of Object.entries(read())) this.set({ state }, count);
      },
    });
  }

  /** Only breakers that are not closed are shown, at most as many as are read. */
  breakers(read: () => Promise<{ tenant_id: string; destination_name: string; breaker: string }[]>): void {
    new Gauge({
      name: 'zenia_distribution_breaker_state',
      help: '1 for the state of each breaker that is not closed',
      labelNames: ['tenant_id', 'destination', 'state'],
      registers: [this.registry],
      async collect() {
        const rows = await read();
        this.reset();
        for (const { tenant_id, destination_name: destination, breaker: state } of rows)
          this.set({ tenant_id, destination, state }, 1);
      },
    });
  }

  deadLetters(read: () => Promise<Record<string, number>>): void {
    new Gauge({
      name: 'zenia_distribution_dead_letters',
      help: 'Deliveries that were given up and that nobody has dealt with, by tenant',
      labelNames: ['tenant_id'],
      registers: [this.registry],
      async collect() {
        const letters = await read();
        this.reset();
        for (const [tenant, count] of Object.entries(letters)) this.set({ tenant_id: tenant }, count);
      },
    });
  }

  /** Counts over all tenants: names of destinations would have no bound. */
  destinationHealth(read: () => Promise<Record<string, number>>): void {
    new Gauge({
      name: 'zenia_distribution_destination_health',
      help: 'Registered destinations by health status',
      labelNames: ['status'],
      registers: [this.registry],
      async collect() {
        for (const [status, count] of Object.entries(await read())) this.set({ status }, count);
      },
    });
  }

  /** Of the connection to the broker of AMQP_URL. */
  broker(read: () => { connected: boolean; held: number }): void {
    new Gauge({
      name: 'zenia_distribution_amqp_connected',
      help: '1 while the connection to the broker stands and everything on it is declared',
      registers: [this.registry],
      collect() {
        this.set(read().connected ? 1 : 0);
      },
    });
    new Gauge({
      name: 'zenia_distribution_amqp_held_messages',
      help: 'Messages that wait in this process for the limit of their tenant',
      registers: [this.registry],
      collect() {
        this.set(read().held);
      },
    });
  }

  /** By session; above zero for long, DB_POOL_SIZE is too small or the database too slow. */
  waitingForSessions(read: () => Record<string, number>): void {
    new Gauge({
      name: 'zenia_distribution_database_waiting',
      help: 'Who waits in this process for a free connection to the database at the moment',
      labelNames: ['session'],
      registers: [this.registry],
      collect() {
        for (const [session, waiting] of Object.entries(read())) this.set({ session }, waiting);
      },
    });
  }

  /** Undefined while the replica is away: then there is no figure. */
  replicaLag(read: () => Promise<number | undefined>): void {
    new Gauge({
      name: 'zenia_distribution_replica_lag_seconds',
      help: 'How far the read replica is behind its primary, as this process sees it',
      registers: [this.registry],
      async collect() {
        const seconds = await read();
        if (seconds === undefined) this.remove();
        else this.set(seconds);
      },
    });
  }

  activeWorkers(read: () => Record<string, number>): void {
    new Gauge({
      name: 'zenia_distribution_active_workers',
      help: 'Deliveries that this process is making at the moment',
      labelNames: ['worker_type'],
      registers: [this.registry],
      collect() {
        for (const [type, active] of Object.entries(read())) this.set({ worker_type: type }, active);
      },
    });
  }
}
