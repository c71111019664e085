import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import S3rver from '@20minutes/s3rver';

/** An S3 server that verifies every signature, with one bucket, for its parent process. */
const directory = mkdtempSync(join(tmpdir(), 'distributor-bench-s3-'));
const s3 = new S3rver({
  directory,
  silent: true,
  vhostBuckets: false,
  configureBuckets: [{ name: 'bench' }],
});

process.on('disconnect', () => {
  rmSync(directory, { recursive: true, force: true });
  process.exit(0);
});

void s3.configureBuckets().then(() => {
  const server = createServer(s3.callback());
  server.listen(0, '127.0.0.1', () => {
    process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  });
});
