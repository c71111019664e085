import { domainToASCII } from 'node:url';

/** A mailbox as the library takes it: never as text that somebody parses again. */
export interface Address {
  name: string;
  address: string;
}

const LOCAL_BYTES = 64;

/** `local@domain` or `Name <local@domain>`, exactly one; undefined for whatever else. */
export function parseAddress(text: string): Address | undefined {
  const [, quoted, bare, inside, alone] =
    /^\s*(?:(?:"([^"\\<>]*)"|([^"<>,;@]*?))\s*<([^<>\s]+)>|([^<>\s]+))\s*$/.exec(text) ?? [];
  const mailbox = inside ?? alone;
  if (mailbox === undefined || !isMailbox(mailbox)) return undefined;
  return { name: (quoted ?? bare ?? '').trim(), address: mailbox };
}

/** Dot-atoms (RFC 5321, letters beyond ASCII by RFC 6531) on both sides: no quoting, no comments, no routes. */
function isMailbox(text: string): boolean {
  const at = text.lastIndexOf('@');
  const [local, domain] = [text.slice(0, at), text.slice(at + 1)];
  if (at < 1 || Buffer.byteLength(local) > LOCAL_BYTES || Buffer.byteLength(text) > 254) return false;
  if (!/^[^\s"(),.:;<>@[\\\]\p{Cc}]+(\.[^\s"(),.:;<>@[\\\]\p{Cc}]+)*$/u.test(local)) return false;
  return /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(domainToASCII(domain)) && !domain.includes('..');
}

/** The domain of a mailbox in ASCII, for headers that take nothing else. */
export const domainOf = ({ address }: Address): string =>
  domainToASCII(address.slice(address.lastIndexOf('@') + 1));
