import { execFileSync } from 'node:child_process';
import { TcpProxy } from '../../support/tcp-proxy';
import { type Chaos } from './chaos';
import { fault, type Outcome } from './fault';

/** Addresses for benchmarks (RFC 2544), which no network has; the network guard must be told of them. */
export const HOSTS_NETWORK = '198.18.0.0/15';

/** Of this test process; names of links have 15 characters at most. */
const OURS = `z${process.pid.toString(36)}`;
/** The workers of one run never have the same. */
const THIRD = (process.pid % 125) * 2 + (Number(process.env['JEST_WORKER_ID'] ?? 0) % 2);

function ip(...words: string[]): void {
  execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** What is missing for several hosts on one machine; undefined where nothing is. */
function missingHosts(): string | undefined {
  const probe = `${OURS}p`;
  const made: string[][] = [];
  const make = (kind: string, name: string, ...words: string[]): void => {
    ip(kind, 'add', name, ...words);
    made.push([kind, 'delete', name]);
  };
  try {
    make('netns', probe);
    make('link', `${probe}b`, 'type', 'bridge');
    make('link', `${probe}c`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', probe);
    ip('link', 'set', `${probe}c`, 'master', `${probe}b`);
    return undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n').join(' ') : String(error);
    return `needs network namespaces (Linux, root, iproute2): ${reason}`;
  } finally {
    for (const words of made.reverse()) ip(...words);
  }
}

/** As `fault`; skipped, with the reason in its name, where this machine cannot play several hosts. */
export function faultBetweenHosts(
  name: string,
  behaviour: string,
  scenario: (chaos: Chaos) => Promise<Outcome>,
): void {
  const missing = missingHosts();
  if (missing === undefined) return fault(name, behaviour, scenario);
  console.warn(`${name} is skipped: ${missing}`);
  describe.skip(`${name} (${missing})`, () => it(behaviour, () => undefined));
}

/**
 * A switch that hosts are plugged into; this machine has the first address. A cable that is pulled out says nothing to
 * either end: packets vanish, connections stay.
 */
export class Network {
  readonly gateway: string;
  readonly bridge: string;

  private constructor(readonly number: 0 | 1) {
    this.gateway = `198.${18 + number}.${THIRD}.1`;
    this.bridge = `${OURS}b${number}`;
  }

  static make(chaos: Chaos, number: 0 | 1): Network {
    const network = new Network(number);
    remove(['link', 'delete', network.bridge], chaos);
    ip('link', 'add', network.bridge, 'type', 'bridge');
    ip('address', 'add', `${network.gateway}/24`, 'dev', network.bridge);
    ip('link', 'set', network.bridge, 'up');
    return network;
  }

  /** Where hosts find what listens on this machine's loopback. */
  async serve(chaos: Chaos, address: string, standardPort: number): Promise<string> {
    const url = new URL(address);
    const proxy = await TcpProxy.to(url.hostname, Number(url.port || standardPort), this.gateway);
    chaos.atEnd(() => proxy.cut());
    [url.hostname, url.port] = [this.gateway, String(proxy.port)];
    return url.href.replace(/\/$/, '');
  }

  cut(host: Host): void {
    ip('link', 'set', host.cable(this), 'nomaster');
  }

  mend(host: Host): void {
    ip('link', 'set', host.cable(this), 'master', this.bridge);
  }
}

/** A machine of its own, as far as its network goes, with an interface in each of these networks. */
export class Host {
  private readonly name: string;

  private constructor(private readonly number: number) {
    this.name = `${OURS}h${number}`;
  }

  static make(chaos: Chaos, number: number, networks: readonly Network[]): Host {
    const host = new Host(number);
    remove(['netns', 'delete', host.name], chaos);
    ip('netns', 'add', host.name);
    ip('-n', host.name, 'link', 'set', 'lo', 'up');
    for (const network of networks) host.plugInto(network);
    return host;
  }

  get launcher(): readonly string[] {
    return ['ip', 'netns', 'exec', this.name];
  }

  addressIn({ gateway }: Network): string {
    return gateway.replace(/\d+$/, String(10 + this.number));
  }

  /** This machine's end of it. */
  cable({ number }: Network): string {
    return `${this.name}c${number}`;
  }

  private plugInto(network: Network): void {
    const [cable, inside] = [this.cable(network), `eth${network.number}`];
    ip('link', 'add', cable, 'type', 'veth', 'peer', 'name', inside, 'netns', this.name);
    ip('-n', this.name, 'address', 'add', `${this.addressIn(network)}/24`, 'dev', inside);
    ip('-n', this.name, 'link', 'set', inside, 'up');
    ip('link', 'set', cable, 'up');
    network.mend(this);
  }
}

/** At the end of the scenario, and of the process, should that come first. */
function remove(words: string[], chaos: Chaos): void {
  const once = (): void => {
    process.off('exit', once);
    try {
      ip(...words);
    } catch {
      // It was not there yet.
    }
  };
  process.once('exit', once);
  chaos.atEnd(async () => once());
}
