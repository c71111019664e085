import { type JsonObject } from '../../../src/kernel/json';
import { PRIORITIES, type Priority } from '../../../src/kernel/priority';
import { Random } from '../../chaos/harness/random';

export type Mode = 'takes' | 'fails' | 'hangs' | 'busy' | 'refuses' | 'gone';

export interface ScenarioDestination {
  id: string;
  tenantId: string;
  name: string;
  configuration: JsonObject;
  /** From when on it does what. */
  modes: { from: number; mode: Mode }[];
}

export interface ScenarioJob {
  at: number;
  name: string;
  tenantId: string;
  destinations: ScenarioDestination[];
  priority: Priority;
  orderingKey: string | undefined;
  deliverAt: number | undefined;
  expiresAt: number | undefined;
  maxRetries: number;
}

/** Something that befalls the system at a time. Numbers choose among what is there then. */
export type Happening = { at: number } & (
  | { kind: 'crash' | 'terminate'; process: number }
  | { kind: 'stall'; process: number; ms: number }
  | { kind: 'database_down'; ms: number }
  | { kind: 'wake'; process: number }
  | { kind: 'cancel' | 'replay' | 'discard'; job: number }
  | { kind: 'status'; destination: number; status: 'active' | 'maintenance' | 'inactive' | 'deleted' }
  | { kind: 'configuration'; destination: number; configuration: JsonObject }
  | { kind: 'tenant'; tenant: number; status: 'active' | 'suspended' }
  | { kind: 'reset_breaker'; destination: number }
);

export interface Scenario {
  seed: number;
  processes: number;
  concurrency: number;
  leaseSeconds: number;
  timeoutSeconds: number;
  tenants: string[];
  destinations: ScenarioDestination[];
  jobs: ScenarioJob[];
  happenings: Happening[];
  /** Chances of a statement that gets lost on its way, and of an answer that does. */
  unsent: number;
  unanswered: number;
}

/** When faults stop, and everything works again. */
export const FAULTS_MS = 12_000;

/** Everything that is decided beforehand; what happens at a moment takes its chances from another sequence. */
export function scenarioOf(seed: number): Scenario {
  const random = new Random(seed);
  const tenants = ['red', 'blue'].slice(0, random.between(1, 2));
  const destinations = Array.from({ length: random.between(1, 4) }, (_, index) =>
    destinationOf(random, index, random.pick(tenants)),
  );
  const isRough = random.next() < 0.6;
  return {
    seed,
    processes: random.between(1, 3),
    concurrency: random.pick([2, 8, 16]),
    leaseSeconds: random.pick([4, 4, 20]),
    timeoutSeconds: random.pick([1, 3, 7]),
    tenants,
    destinations,
    jobs: Array.from({ length: random.between(2, 24) }, (_, index) => jobOf(random, index, destinations)),
    happenings: Array.from({ length: random.between(0, 10) }, () => happening(random)),
    unsent: isRough ? 0.02 : 0,
    unanswered: isRough ? 0.02 : 0,
  };
}

const idOf = (index: number): string => `00000000-0000-4000-8000-${String(index + 1).padStart(12, '0')}`;

function destinationOf(random: Random, index: number, tenantId: string): ScenarioDestination {
  const modes = Array.from({ length: random.between(0, 4) }, () => ({
    from: random.between(0, FAULTS_MS - 1),
    mode: random.pick<Mode>(['takes', 'fails', 'fails', 'hangs', 'busy', 'busy', 'refuses', 'gone']),
  }));
  return {
    id: idOf(index),
    tenantId,
    name: `d${index}`,
    configuration: configurationOf(random),
    modes: modes.sort((one, other) => one.from - other.from),
  };
}

function configurationOf(random: Random): JsonObject {
  const sometimes = (chance: number, some: () => JsonObject): JsonObject =>
    random.next() < chance ? some() : {};
  return {
    retry_policy: {
      max_attempts: random.between(1, 5),
      initial_delay_seconds: random.pick([0.2, 1]),
      max_backoff_seconds: random.pick([1, 4]),
    },
    ...sometimes(0.3, () => ({ max_in_flight: random.between(1, 3) })),
    ...sometimes(0.3, () => ({
      rate_limit: { requests: random.between(1, 6), per_seconds: random.between(1, 2) },
    })),
    ...sometimes(0.3, () => ({ ordering: { on_failure: 'block' } })),
  };
}

function jobOf(random: Random, index: number, all: readonly ScenarioDestination[]): ScenarioJob {
  const at = random.between(0, FAULTS_MS - 2000);
  const tenantId = random.pick(all).tenantId;
  const own = all.filter((destination) => destination.tenantId === tenantId);
  const some = own.filter(() => random.next() < 0.6);
  return {
    at,
    name: `j${index}`,
    tenantId,
    destinations: some.length > 0 ? some : [random.pick(own)],
    priority: random.pick(PRIORITIES),
    orderingKey: random.next() < 0.5 ? random.pick(['one', 'two']) : undefined,
    deliverAt: random.next() < 0.2 ? at + random.between(1, 8000) : undefined,
    expiresAt: random.next() < 0.2 ? at + random.between(1, 8000) : undefined,
    maxRetries: random.between(0, 4),
  };
}

function happening(random: Random): Happening {
  const at = random.between(0, FAULTS_MS - 1);
  const which = random.between(0, 1000);
  switch (random.between(0, 12)) {
    case 0:
    case 1:
      return { at, kind: 'crash', process: which };
    case 2:
      return { at, kind: 'terminate', process: which };
    case 3:
    case 4:
      return { at, kind: 'stall', process: which, ms: random.pick([300, 3000, 9000, 24_000]) };
    case 5:
      return { at, kind: 'database_down', ms: random.between(100, 9000) };
    case 6:
      return { at, kind: 'wake', process: which };
    case 7:
      return { at, kind: 'cancel', job: which };
    case 8:
      return { at, kind: random.pick(['replay', 'replay', 'discard']), job: which };
    case 9: {
      const status = random.pick<'active' | 'maintenance' | 'inactive' | 'deleted'>([
        'active',
        'maintenance',
        'maintenance',
        'inactive',
        'deleted',
      ]);
      return { at, kind: 'status', destination: which, status };
    }
    case 10:
      return { at, kind: 'configuration', destination: which, configuration: configurationOf(random) };
    case 11:
      return { at, kind: 'tenant', tenant: which, status: random.pick(['active', 'suspended']) };
    default:
      return { at, kind: 'reset_breaker', destination: which };
  }
}
