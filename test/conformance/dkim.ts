import { createHash, createVerify, generateKeyPairSync } from 'node:crypto';

export const newDkimKey = (): { privatePem: string; publicPem: string } => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return {
    privatePem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
};

/** Checks the one signature of a message (RFC 6376; relaxed/relaxed, rsa-sha256). */
export function checkDkim(raw: Buffer, publicPem: string): { d: string; s: string; valid: boolean } {
  const message = raw.toString('binary');
  const end = message.indexOf('\r\n\r\n');
  const headers = message.slice(0, end).split(/\r\n(?![ \t])/);
  const signature = headers.find((header) => /^dkim-signature:/i.test(header)) ?? '';
  const tags = Object.fromEntries(
    signature
      .slice(signature.indexOf(':') + 1)
      .replace(/\s/g, '')
      .split(';')
      .map((tag) => [tag.slice(0, tag.indexOf('=')), tag.slice(tag.indexOf('=') + 1)]),
  ) as Record<string, string>;
  const bodyHash = createHash('sha256')
    .update(relaxedBody(message.slice(end + 4)), 'binary')
    .digest('base64');
  const verify = createVerify('RSA-SHA256');
  // Of headers that come several times, the last comes first.
  const pool = [...headers].reverse();
  for (const name of (tags['h'] ?? '').split(':')) {
    const at = pool.findIndex((header) => header.toLowerCase().startsWith(`${name.toLowerCase()}:`));
    if (at >= 0) verify.update(`${relaxedHeader(pool.splice(at, 1)[0] ?? '')}\r\n`, 'binary');
  }
  verify.update(relaxedHeader(signature.replace(/([;\s]b=)[^;]*$/, '$1')), 'binary');
  const valid = tags['bh'] === bodyHash && verify.verify(publicPem, tags['b'] ?? '', 'base64');
  return { d: tags['d'] ?? '', s: tags['s'] ?? '', valid };
}

function relaxedHeader(header: string): string {
  const colon = header.indexOf(':');
  const value = header
    .slice(colon + 1)
    .replace(/\r\n/g, '')
    .replace(/[ \t]+/g, ' ');
  return `${header.slice(0, colon).trim().toLowerCase()}:${value.trim()}`;
}

function relaxedBody(body: string): string {
  const lines = body.split('\r\n').map((line) => line.replace(/[ \t]+/g, ' ').replace(/ $/, ''));
  return `${lines.join('\r\n').replace(/(\r\n)+$/, '')}\r\n`;
}
