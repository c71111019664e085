import { simulate } from './harness/simulate';
import { type Statements, STATEMENTS } from './model/database';
import { type Tables } from './model/tables';
import { array, type Modelled } from './model/values';

type Simulate = typeof simulate;

/** Most are found within a handful of histories. */
const MOST_SEEDS = 400;

/** The first promise that is found broken; undefined where none is. */
async function finding(simulated: Simulate, statements?: Statements): Promise<string | undefined> {
  for (let seed = 1; seed <= MOST_SEEDS; seed++) {
    try {
      await simulated(seed, { statements });
    } catch (error) {
      return String(error);
    }
  }
  return undefined;
}

/** The simulation of a source in which one module has other functions. */
async function findingWith(
  path: string,
  changes: (actual: Record<string, unknown>) => object,
): Promise<string> {
  let found: string | undefined;
  await jest.isolateModulesAsync(async () => {
    jest.doMock(path, () => {
      const actual = jest.requireActual<Record<string, unknown>>(path);
      return { ...actual, ...changes(actual) };
    });
    const planted = jest.requireActual<{ simulate: Simulate }>('./harness/simulate');
    found = await finding(planted.simulate);
  });
  jest.dontMock(path);
  return found ?? 'nothing';
}

/** The simulation of a database in which one statement does something else. */
async function findingIn(name: string, change: (original: Modelled) => Modelled): Promise<string> {
  const original = STATEMENTS[name];
  if (original === undefined) throw new Error(`there is no statement ${name}`);
  return (await finding(simulate, { ...STATEMENTS, [name]: change(original) })) ?? 'nothing';
}

/** Runs a statement as if something in the tables were otherwise. */
const pretending =
  (pretend: (tables: Tables, values: readonly unknown[]) => () => void) =>
  (original: Modelled): Modelled =>
  (tables, values, tenantId) => {
    const undo = pretend(tables, values);
    const rows = original(tables, values, tenantId);
    undo();
    return rows;
  };

describe('the simulation finds a source', () => {
  it('whose decisions forget how many attempts there were', async () => {
    const found = await findingWith('../../src/delivery/decide', (actual) => {
      const decide = actual['decide'] as (outcome: unknown, attempt: number, ...more: unknown[]) => unknown;
      return {
        decide: (outcome: unknown, _attempt: number, ...more: unknown[]) => decide(outcome, 1, ...more),
      };
    });
    expect(found).toMatch(/gets attempt \d+ of at most/);
  });

  it('whose waits do not hear Retry-After', async () => {
    const found = await findingWith('../../src/kernel/retry-policy', () => ({ backoffSeconds: () => 0.01 }));
    expect(found).toMatch(/is retried before its destination wants it/);
  });

  it('whose open breaker lets deliveries go', async () => {
    const found = await findingWith('../../src/delivery/breaker', () => ({
      allowance: () => Infinity,
      probing: (breaker: { failures: number }) => ({ state: 'half_open', failures: breaker.failures }),
    }));
    expect(found).toMatch(/whose breaker of .* was open/);
  });

  it('whose rates are without a limit', async () => {
    const found = await findingWith('../../src/delivery/rate', () => ({ allowedNow: () => Infinity }));
    expect(found).toMatch(/is one of \d+ to .* in \d s, of at most/);
  });

  it('which gives one lane after the other all there is, whatever is in flight', async () => {
    const found = await findingWith('../../src/delivery/shares', (actual) => {
      const shareOut = actual['shareOut'] as (waiting: object[], slots: object) => Map<string, number>;
      return {
        shareOut: (waiting: object[], slots: object) =>
          shareOut(
            waiting.map((lane) => ({ ...lane, most: Infinity })),
            slots,
          ),
      };
    });
    expect(found).toMatch(/in flight to .*, of at most|to .* in \d s, of at most/);
  });
});

describe('the simulation finds a database', () => {
  it('that records outcomes whatever their fence', async () => {
    const found = await findingIn(
      'record_outcomes',
      pretending((tables, values) => {
        array(values[1]).forEach((id, at) => {
          const row = tables.ready.get(id as string);
          if (row === undefined) return;
          row.fence = array(values[2])[at] as number;
          row.attemptId = array(values[4])[at] as string;
          row.leasedBy ??= 'nobody';
        });
        return () => undefined;
      }),
    );
    expect(found).toMatch(/recorded without its lease/);
  });

  it('that claims what is under a lease', async () => {
    const found = await findingIn(
      'claim_due',
      pretending((tables) => {
        for (const row of tables.ready.values())
          if (row.leasedBy !== null) row.dueAt = Math.min(row.dueAt, tables.now);
        return () => undefined;
      }),
    );
    expect(found).toMatch(/was claimed while .* had its lease/);
  });

  it('that does not extend leases', async () => {
    const found = await findingIn('extend_leases', () => () => []);
    expect(found).toMatch(/was claimed (while|though)/);
  });

  it('that lets every node claim from a lane in care', async () => {
    const found = await findingIn(
      'claim_due',
      pretending((tables, [node]) => {
        const before = [...tables.lanes.values()].map((lane) => ({ ...lane }));
        for (const lane of tables.lanes.values())
          Object.assign(lane, { ownedBy: node, ownedUntil: tables.now + 1 });
        return () => before.forEach((lane) => tables.lanes.set(lane.laneId, lane));
      }),
    );
    expect(found).toMatch(/of at most|whose breaker of .* was open/);
  });

  it('that lets deliveries of one key go side by side', async () => {
    const found = await findingIn('store_jobs', (original) => (tables, values, tenantId) => {
      const rows = original(tables, values, tenantId);
      for (const row of tables.ready.values()) if (row.dueAt === Infinity) row.dueAt = tables.now;
      return rows;
    });
    expect(found).toMatch(/was sent before what was accepted before it/);
  });

  it('that lets others past a dead letter which blocks its key', async () => {
    const found = await findingIn(
      'release_ordering_keys',
      pretending((tables) => {
        const blocks = [...tables.blocks];
        tables.blocks.clear();
        return () => blocks.forEach(([id, block]) => tables.blocks.set(id, block));
      }),
    );
    expect(found).toMatch(/past a dead letter that blocks its key/);
  });

  it('that loses retries', async () => {
    const found = await findingIn('record_outcomes', (original) => (tables, values, tenantId) => {
      const rows = original(tables, values, tenantId);
      array(values[5]).forEach((result, at) => {
        if (result === 'retry') tables.ready.delete(array(values[1])[at] as string);
      });
      return rows;
    });
    expect(found).toMatch(/has no end/);
  });

  it('that takes its own absence for the silence of nodes', async () => {
    const found = await findingIn(
      'lost_nodes',
      pretending((tables) => {
        const witness = { lostAfterSeconds: 5, heardSince: -Infinity, heartbeatAt: Infinity };
        tables.nodes.set('witness', witness);
        return () => tables.nodes.delete('witness');
      }),
    );
    expect(found).toMatch(/was taken for lost and was not silent by itself/);
  });

  it('that does not tell of cancellations and expiry', async () => {
    const found = await findingIn(
      'claim_due',
      (original) => (tables, values, tenantId) =>
        original(tables, values, tenantId).map((row) => ({ ...row, expired: false, cancelled: false })),
    );
    expect(found).toMatch(/was sent though it/);
  });

  it('that claims from held lanes', async () => {
    const found = await findingIn(
      'claim_due',
      pretending((tables) => {
        const before = [...tables.destinations.values()].map(({ status }) => status);
        for (const one of tables.destinations.values())
          if (one.status === 'maintenance') one.status = 'active';
        return () =>
          [...tables.destinations.values()].forEach((one, at) => (one.status = before[at] ?? 'active'));
      }),
    );
    expect(found).toMatch(/left a held lane/);
  });
});
