import { Agent } from 'node:http';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { type Report } from '../report';
import { adapterWay, run, type Way } from './contest';
import { startServer } from './servers';

const CONNECTIONS = 16;
const TOGETHER = 64;

/** One object for each delivery; then many deliveries in each, against the same bare client. */
export async function s3Contest(report: Report): Promise<void> {
  const server = await startServer('s3-server.js');
  const configuration = {
    endpoint: server.url,
    force_path_style: true,
    bucket: 'bench',
    credentials: { access_key_id: 'S3RVER', secret_access_key: 'S3RVER' },
    max_in_flight: CONNECTIONS,
  };
  try {
    const one = adapterWay('S3', { ...configuration, key: '{delivery_id}.json' });
    const many = adapterWay('S3', {
      ...configuration,
      key: 'many/',
      batch: { max_deliveries: TOGETHER, max_wait_ms: 50 },
    });
    const bare = (): [string, Way][] => [['client_s3', clientS3(server.url)]];
    await run({ figure: 'adapter_s3', concurrency: CONNECTIONS, adapter: one, bare: bare() }, report);
    await run({ figure: 'adapter_s3_batch', concurrency: TOGETHER, adapter: many, bare: bare() }, report);
  } finally {
    await server.stop();
  }
}

function clientS3(endpoint: string): Way {
  const client = new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' },
    requestHandler: { httpAgent: new Agent({ keepAlive: true, maxSockets: CONNECTIONS }) },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    maxAttempts: 1,
  });
  return {
    deliver: async ({ body, deliveryId }) => {
      const object = { Bucket: 'bench', Key: `${deliveryId}.json`, ContentType: 'application/json' };
      await client.send(new PutObjectCommand({ ...object, Body: body }));
    },
    close: async () => client.destroy(),
  };
}
