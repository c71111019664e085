/**
 * Addresses as text of bits, `4` + 32 or `6` + 128 of them, so that "lies in this network" is "starts with these
 * bits" and one trie serves both families. IPv4 and IPv6 are never mixed: `::ffff:10.0.0.1` is an IPv6 address.
 */
const OCTET = /^(0|[1-9]\d{0,2})$/;
const HEX_GROUP = /^[0-9a-f]{1,4}$/i;
const LONGEST_ADDRESS = 45;

export function addressBits(text: string): string | undefined {
  if (text.length < 2 || text.length > LONGEST_ADDRESS) return undefined;
  if (text.includes(':')) {
    const bits = ipv6Bits(text);
    return bits && `6${bits}`;
  }
  const bits = ipv4Bits(text);
  return bits && `4${bits}`;
}

export type Network = { bits: string } | { reason: string };

const NOT_A_NETWORK =
  'is no network: write an IPv4 or IPv6 address, "/" and the prefix length, as in "10.0.0.0/24"';

/** A network must be written exactly: an address inside it, such as `10.0.0.5/24`, is more often a slip than meant. */
export function parseCidr(text: string): Network {
  const [address, length, ...more] = text.split('/');
  const bits = address === undefined ? undefined : addressBits(address);
  if (bits === undefined || length === undefined || !OCTET.test(length) || more.length > 0) {
    return { reason: NOT_A_NETWORK };
  }
  const longest = bits.length - 1;
  if (Number(length) > longest) return { reason: `has a prefix length over ${longest}` };
  const network = bits.slice(0, Number(length) + 1);
  if (bits.includes('1', network.length)) {
    return { reason: `has address bits after the first ${length}: set them to zero or lengthen the prefix` };
  }
  return { bits: network };
}

const binary = (value: number, width: number): string => value.toString(2).padStart(width, '0');

function ipv4Bits(text: string): string | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let bits = '';
  for (const part of parts) {
    if (!OCTET.test(part) || Number(part) > 255) return undefined;
    bits += binary(Number(part), 8);
  }
  return bits;
}

function ipv6Bits(text: string): string | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groupBits(halves[0] ?? '', halves.length === 1);
  const tail = groupBits(halves[1] ?? '', true);
  if (head === undefined || tail === undefined) return undefined;
  if (halves.length === 1) return head.length === 128 ? head : undefined;
  // "::" stands for at least one group of zeros.
  const missing = 128 - head.length - tail.length;
  return missing >= 16 ? head + '0'.repeat(missing) + tail : undefined;
}

/** Groups of an IPv6 address; only its very end may be written as an IPv4 address. */
function groupBits(text: string, isEnd: boolean): string | undefined {
  if (text === '') return '';
  const groups = text.split(':');
  let bits = '';
  for (const [position, group] of groups.entries()) {
    const dotted = isEnd && position === groups.length - 1 && group.includes('.');
    const part = dotted
      ? ipv4Bits(group)
      : HEX_GROUP.test(group)
        ? binary(parseInt(group, 16), 16)
        : undefined;
    if (part === undefined) return undefined;
    bits += part;
  }
  return bits;
}
