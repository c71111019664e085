/** What stands in a captured answer where the receiver echoed a secret. */
const HIDDEN = '[secret]';

/** Shorter texts are too likely to be found by chance, and no useful secret is that short. */
const SHORTEST_SECRET = 4;

/**
 * Makes a receiver's words fit to be kept: decoded as UTF-8 with U+FFFD for what is not, NUL replaced
 * (PostgreSQL's text cannot hold it), secrets that were echoed hidden in each spelling, then cut to `maxBytes`.
 */
export class Capture {
  private readonly spellings: string[];
  /** How many bytes to read so that no secret is cut in half, and its first half kept, at the limit. */
  readonly readBytes: number;

  constructor(
    private readonly maxBytes: number,
    secrets: readonly string[],
  ) {
    this.spellings = spellingsOf(secrets);
    this.readBytes = maxBytes + Math.max(0, ...this.spellings.map((spelling) => Buffer.byteLength(spelling)));
  }

  /** The text to keep; undefined for an empty answer. `more`: secrets known only now, such as a token. */
  text(bytes: Buffer, more: readonly string[] = []): string | undefined {
    if (bytes.length === 0) return undefined;
    let text = this.hide(bytes.toString('utf8'), more).replaceAll('\0', '\uFFFD');
    if (text.length > this.maxBytes / 4 && Buffer.byteLength(text) > this.maxBytes) {
      text = Buffer.from(text).subarray(0, this.maxBytes).toString('utf8');
      // The cut may have split a character.
      if (text.endsWith('\uFFFD')) text = text.slice(0, -1);
    }
    return text;
  }

  /** A text without any of the secrets, e.g. the message of a library's error. */
  hide(text: string, more: readonly string[] = []): string {
    let hidden = text;
    for (const secret of this.spellings)
      if (hidden.includes(secret)) hidden = hidden.replaceAll(secret, HIDDEN);
    const likely = more.filter((secret) => secret.length <= text.length);
    for (const secret of spellingsOf(likely))
      if (hidden.includes(secret)) hidden = hidden.replaceAll(secret, HIDDEN);
    return hidden;
  }
}

/** A secret as it stands, inside JSON and inside a URL; the longest first. */
function spellingsOf(secrets: readonly string[]): string[] {
  if (secrets.length === 0) return [];
  const all = secrets
    .filter((secret) => secret.length >= SHORTEST_SECRET)
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]);
  return [...new Set(all)].sort((a, b) => b.length - a.length);
}
