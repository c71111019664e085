import { lookup as dnsLookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { untilEnded } from './ended-by';
import {
  type Address,
  type Network,
  addressIssue,
  canonical,
  parseHost,
  parseNetwork,
} from './network-addresses';

/** All addresses of a name, as the machine's resolver gives them; rejects when there is none. */
export type Lookup = (name: string) => Promise<{ address: string; family: number }[]>;

export type Resolved =
  | { ok: true; address: string; family: 4 | 6; host: string }
  | { ok: false; code: 'NETWORK_FORBIDDEN' | 'NAME_RESOLUTION_FAILED'; message: string };

const systemLookup: Lookup = (name) => dnsLookup(name, { all: true, verbatim: true });

const WAY_OUT = 'Use a public address, or have the operator add the network to DESTINATION_ALLOWED_NETWORKS.';

/**
 * Keeps everything that leaves the service out of the inside of the network (OWASP: server-side request
 * forgery). Every connection of every protocol asks it first and connects to the address it returns: a
 * second lookup could give another answer (DNS rebinding).
 */
export class NetworkGuard {
  private readonly allowed: Network[];

  /** `allowedCidrs` are let through beside the public addresses; throws when one of them is no CIDR block. */
  constructor(
    allowedCidrs: readonly string[],
    private readonly lookup: Lookup = systemLookup,
  ) {
    this.allowed = allowedCidrs.map(parseNetwork);
  }

  /**
   * The address to connect to, or why not. Every address of a name must pass, so that a name with one public
   * and one private address is refused whichever comes first. IPv4 is preferred: a single address has no
   * fall-back, and broken IPv6 is the commoner fault. The message never shows what a name resolved to.
   */
  async resolve(host: string, signal?: AbortSignal): Promise<Resolved> {
    const parsed = parseHost(host);
    if (parsed.kind === 'malformed') return forbidden(`Host "${host}": ${parsed.message}.`);
    if (parsed.kind === 'address') {
      const issue = addressIssue(parsed.address, this.allowed);
      if (issue !== undefined) return forbidden(`Host "${host}" is ${issue}. ${WAY_OUT}`);
      return { ok: true, ...parsed.address, host };
    }
    const addresses = await this.addressesOf(parsed.name, signal);
    if (addresses.length === 0) return unresolved(parsed.name);
    return this.choose(host, addresses);
  }

  /**
   * What can be said of a URL without asking a name server: for validation, before it is stored. Undefined
   * when nothing speaks against it; the guard still checks at each connection. `schemes` without colon.
   */
  urlIssue(text: string, schemes: readonly string[] = ['http', 'https']): string | undefined {
    if (!URL.canParse(text)) return `is not a valid URL; write e.g. ${schemes.at(-1)}://example.com/path`;
    const url = new URL(text);
    if (!schemes.includes(url.protocol.slice(0, -1))) return `must begin with ${schemes.join(':// or ')}://`;
    if (url.username !== '' || url.password !== '') {
      return 'must not contain a user name or password; put them into the credentials, where they are encrypted';
    }
    return this.hostIssue(url.hostname);
  }

  /** As `urlIssue`, for protocols that name a host by itself. */
  hostIssue(host: string): string | undefined {
    const parsed = parseHost(host);
    if (parsed.kind === 'malformed') return parsed.message;
    const addresses = parsed.kind === 'address' ? [parsed.address] : loopbackOf(parsed.name);
    // A name for the loopback may pass by either of its two addresses; connecting checks what it resolves to.
    const issues = addresses.map((address) => addressIssue(address, this.allowed));
    if (issues.length === 0 || issues.includes(undefined)) return undefined;
    return `must not point to ${issues[0]}. ${WAY_OUT}`;
  }

  private async addressesOf(name: string, signal: AbortSignal | undefined): Promise<Address[]> {
    try {
      const looking = this.lookup(name);
      // The system's resolver cannot be interrupted.
      const answers = await (signal === undefined ? looking : untilEnded(looking, signal));
      return answers.filter(({ address }) => isIP(address) !== 0).map(({ address }) => canonical(address));
    } catch {
      return [];
    }
  }

  private choose(host: string, addresses: readonly Address[]): Resolved {
    for (const address of addresses) {
      const issue = addressIssue(address, this.allowed);
      if (issue !== undefined) return forbidden(`Host "${host}" resolves to ${issue}. ${WAY_OUT}`);
    }
    const chosen = addresses.find(({ family }) => family === 4) ?? addresses[0];
    return chosen === undefined ? unresolved(host) : { ok: true, ...chosen, host };
  }
}

const forbidden = (message: string): Resolved => ({ ok: false, code: 'NETWORK_FORBIDDEN', message });

const unresolved = (name: string): Resolved => ({
  ok: false,
  code: 'NAME_RESOLUTION_FAILED',
  message: `The name "${name}" could not be resolved. Check its spelling and the DNS entry.`,
});

/** RFC 6761: `localhost` and what ends in it is the loopback, whatever a name server says. */
function loopbackOf(name: string): Address[] {
  if (name !== 'localhost' && !name.endsWith('.localhost')) return [];
  return [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ];
}
