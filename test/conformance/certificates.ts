import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Identity {
  cert: string;
  key: string;
}

export interface Certificates {
  /** PEM of the authority that signed both. */
  ca: string;
  server: Identity;
  client: Identity;
}

/** A certificate authority of its own, a server certificate for `name`, and a client certificate. */
export function makeCertificates(name: string): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'distributor-certificates-'));
  const at = (file: string): string => join(folder, file);
  const openssl = (...options: string[]): void => {
    execFileSync('openssl', options, { stdio: ['ignore', 'ignore', 'pipe'] });
  };
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const signed = (who: string, extensions: string): Identity => {
    writeFileSync(at(`${who}.ext`), extensions);
    openssl('req', ...newKey, '-keyout', at(`${who}.key`), '-out', at(`${who}.csr`), '-subj', `/CN=${who}`);
    const authority = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial'];
    const files = ['-in', at(`${who}.csr`), '-out', at(`${who}.pem`), '-extfile', at(`${who}.ext`)];
    openssl('x509', '-req', ...authority, ...files, '-days', '2');
    return { cert: readFileSync(at(`${who}.pem`), 'utf8'), key: readFileSync(at(`${who}.key`), 'utf8') };
  };
  try {
    openssl(
      'req',
      '-x509',
      ...newKey,
      '-keyout',
      at('ca.key'),
      '-out',
      at('ca.pem'),
      '-subj',
      '/CN=test',
      '-days',
      '2',
    );
    return {
      ca: readFileSync(at('ca.pem'), 'utf8'),
      server: signed('server', `subjectAltName=DNS:${name}`),
      client: signed('client', 'extendedKeyUsage=clientAuth'),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
