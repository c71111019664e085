import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import ipaddr from 'ipaddr.js';

/** An address in its one canonical spelling: an IPv4-mapped IPv6 address has become its IPv4 address. */
export interface Address {
  address: string;
  family: 4 | 6;
}

export type Network = [ipaddr.IPv4 | ipaddr.IPv6, number];

/** What a host turns out to be before anybody asks a name server. */
export type ParsedHost =
  | { kind: 'address'; address: Address }
  | { kind: 'name'; name: string }
  | { kind: 'malformed'; message: string };

/** The platform services of Azure answer on this address, although it is formally a public one. */
const REFUSED_PUBLIC: Network[] = [ipaddr.parseCIDR('168.63.129.16/32')];

/** IANA has given out only 2000::/3 as global unicast; whatever lies outside is refused, known range or not. */
const GLOBAL_UNICAST_V6 = ipaddr.parseCIDR('2000::/3');

/** The network written as a CIDR block; throws with what to write instead. */
export function parseNetwork(cidr: string): Network {
  try {
    return ipaddr.parseCIDR(cidr.trim());
  } catch {
    throw new Error(
      `"${cidr}" is not a network: write it as address/length, e.g. 10.20.0.0/16 or fd00:1::/64`,
    );
  }
}

/**
 * Every spelling of an address that a resolver or `connect` would take (`0x7f.1`, `2130706433`, `[::1]`,
 * full-width digits) becomes one canonical form by the WHATWG host parser, the one that URLs use.
 */
export function parseHost(host: string): ParsedHost {
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  if (bare.includes(':')) return parseIpv6(bare);
  if (bare.includes('/')) return malformed('a path to a socket is not a host; give a host name');
  const name = domainToASCII(bare).replace(/\.$/, '');
  if (name === '' || name.length > 253) return malformed('this is not a valid host name or address');
  return isIP(name) === 4
    ? { kind: 'address', address: { address: name, family: 4 } }
    : { kind: 'name', name };
}

const malformed = (message: string): ParsedHost => ({ kind: 'malformed', message });

function parseIpv6(text: string): ParsedHost {
  // A zone index (fe80::1%eth0) names an interface of this machine.
  if (text.includes('%') || isIP(text) !== 6) return malformed('this is not a valid IPv6 address');
  return { kind: 'address', address: canonical(text) };
}

/** The canonical form of a valid address, e.g. of a resolver's answer. */
export function canonical(text: string): Address {
  const parsed = ipaddr.process(text);
  return { address: parsed.toString(), family: parsed.kind() === 'ipv4' ? 4 : 6 };
}

/**
 * Why an address may not be reached, or undefined when it may: it lies inside an allowed network, or it is
 * public unicast. Transition addresses (NAT64, 6to4, Teredo) are refused whatever they embed.
 */
export function addressIssue(address: Address, allowed: readonly Network[]): string | undefined {
  const parsed = ipaddr.parse(address.address);
  if (allowed.some((network) => within(parsed, network))) return undefined;
  const range = parsed.range();
  if (range !== 'unicast') return `an address of the range "${range}"`;
  if (parsed.kind() === 'ipv6' && !within(parsed, GLOBAL_UNICAST_V6)) return 'not a public address';
  if (REFUSED_PUBLIC.some((network) => within(parsed, network)))
    return "an address of the platform's own services";
  return undefined;
}

function within(address: ipaddr.IPv4 | ipaddr.IPv6, network: Network): boolean {
  return address.kind() === network[0].kind() && address.match(network);
}
