import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import S3rver from '@20minutes/s3rver';
import { type ProtocolReceiver } from './receiver';

const BUCKET = 'reports';

/** An S3 server of this process that verifies signatures. */
export async function s3Receiver(): Promise<ProtocolReceiver> {
  const directory = await mkdtemp(join(tmpdir(), 'distributor-demo-s3-'));
  const s3 = new S3rver({
    directory,
    silent: true,
    vhostBuckets: false,
    configureBuckets: [{ name: BUCKET }],
  });
  await s3.configureBuckets();
  const server = createServer(s3.callback());
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    protocol: 'S3',
    address: `bucket ${BUCKET} at ${endpoint}`,
    configuration: {
      endpoint,
      force_path_style: true,
      bucket: BUCKET,
      key: '{data_type}/{delivery_id}.json',
      credentials: { access_key_id: 'S3RVER', secret_access_key: 'S3RVER' },
    },
    arrived: async () => {
      const { objects } = await s3.store.listObjects(BUCKET, {});
      return objects.map(({ key }) => `object ${key}`);
    },
    stop: async () => {
      server.close();
      server.closeAllConnections();
      s3.logger.exceptions.unhandle();
      s3.logger.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
