import { type Readable } from 'node:stream';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { type GuardedS3Agents } from './agents';
import { type Identity } from './identity';
import { type S3Configuration } from './schema';

const SILENT = {
  trace: () => undefined,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** No answer to what is asked here is longer; the SDK would read an endless one into memory. */
const MAX_ANSWER_BYTES = 65_536;

/** The first bytes of an answer; a longer one costs the connection. */
async function collect(stream: Readable): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    // Leaving the loop destroys the stream.
    if (bytes >= MAX_ANSWER_BYTES) break;
  }
  return Buffer.concat(chunks).subarray(0, MAX_ANSWER_BYTES);
}

/**
 * An SDK client that knows only what the destination says. Everything the SDK would otherwise take from the
 * service's environment, its configuration files or the machine's metadata service is set here: in a service
 * of many tenants the default credential chain would lend each of them the service's own identity.
 */
export function openClient(
  configuration: S3Configuration,
  agents: GuardedS3Agents,
  identity: Identity,
): S3Client {
  const checksums = configuration.checksums === 'always' ? 'WHEN_SUPPORTED' : 'WHEN_REQUIRED';
  return new S3Client({
    region: configuration.region ?? 'us-east-1',
    ...(configuration.endpoint === undefined ? {} : { endpoint: configuration.endpoint }),
    forcePathStyle: configuration.force_path_style ?? false,
    ...signing(identity),
    requestHandler: {
      httpAgent: agents.httpAgent,
      httpsAgent: agents.httpsAgent,
      logger: SILENT,
    },
    // Repeats are decided by the delivery's own retry policy, and are counted there.
    maxAttempts: 1,
    retryMode: 'standard',
    requestChecksumCalculation: checksums,
    responseChecksumValidation: 'WHEN_REQUIRED',
    // With it the SDK leaves the given agents, and thereby the network guard.
    expectContinueHeader: false,
    followRegionRedirects: false,
    ignoreConfiguredEndpointUrls: true,
    useArnRegion: false,
    useFipsEndpoint: false,
    useDualstackEndpoint: false,
    disableS3ExpressSessionAuth: true,
    disableMultiregionAccessPoints: true,
    authSchemePreference: [],
    defaultsMode: 'standard',
    streamCollector: collect,
    userAgentAppId: async () => undefined,
    logger: SILENT,
  });
}

function signing(identity: Identity): Partial<S3ClientConfig> {
  switch (identity.kind) {
    case 'anonymous':
      // Unsigned, as a bucket open to everybody takes them.
      return {
        credentials: { accessKeyId: 'anonymous', secretAccessKey: 'anonymous' },
        signer: { sign: async (request) => request },
      };
    case 'fixed':
      return { credentials: identity.keys };
    case 'asked':
      return { credentials: identity.source };
  }
}
