import {
  AbortMultipartUploadCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { untilEnded } from '../ended-by';
import { type Slots } from '../slots';
import { type UnderWay } from '../under-way';

const DEFAULT_PART_BYTES = 8 * 1024 * 1024;
const PARTS_AT_ONCE = 4;
/** Tidying up after a broken upload must not outlive the attempt by much. */
const TIDY_MS = 3000;

export interface Way {
  client: S3Client;
  /** Node's agents do not count connections that are still being opened, so the requests are counted. */
  slots: Slots;
  /** What must end before the client is closed. */
  underWay: UnderWay;
}

/** One object, in one request or in parts. Rejects with the SDK's errors; an abort rejects at once. */
export async function upload(
  way: Way,
  input: PutObjectCommandInput & { Body: Buffer },
  signal: AbortSignal,
  partSize = DEFAULT_PART_BYTES,
): Promise<void> {
  if (input.Body.length <= partSize) {
    await way.slots.use(signal, () => way.client.send(new PutObjectCommand(input), { abortSignal: signal }));
    return;
  }
  const parts = new Upload({
    client: under(way, signal),
    params: input,
    partSize,
    queueSize: PARTS_AT_ONCE,
  });
  const done = parts.done();
  void way.underWay.track(done.catch(() => undefined));
  // After an abort the library still tidies up; the attempt does not wait for it.
  await untilEnded(done, signal);
}

/**
 * The library sends its parts without any signal, so that they would go on after an abort; this client adds
 * it to each. Only the removal of the parts already stored, which the library asks for after a failure, runs
 * by its own time.
 */
function under({ client, slots }: Way, signal: AbortSignal): S3Client {
  const send = (command: Parameters<S3Client['send']>[0]): Promise<unknown> => {
    if (command instanceof AbortMultipartUploadCommand) {
      // A failed removal must not hide why the upload failed; a lifecycle rule of the bucket tidies up.
      return client.send(command, { abortSignal: AbortSignal.timeout(TIDY_MS) }).catch(() => undefined);
    }
    return slots.use(signal, () => client.send(command, { abortSignal: signal }));
  };
  return { config: client.config, send } as unknown as S3Client;
}
