import {
  AbortMultipartUploadCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';

const DEFAULT_PART_BYTES = 8 * 1024 * 1024;
const PARTS_AT_ONCE = 4;
/** Tidying up after a broken upload must not outlive the attempt by much. */
const TIDY_MS = 3000;

/** One object, in one request or in parts. Rejects with the SDK's errors; an abort rejects at once. */
export async function upload(
  client: S3Client,
  input: PutObjectCommandInput & { Body: Buffer },
  signal: AbortSignal,
  partSize = DEFAULT_PART_BYTES,
): Promise<void> {
  if (input.Body.length <= partSize) {
    await client.send(new PutObjectCommand(input), { abortSignal: signal });
    return;
  }
  const parts = new Upload({
    client: under(client, signal),
    params: input,
    partSize,
    queueSize: PARTS_AT_ONCE,
  });
  await parts.done();
}

/**
 * The library sends its parts without any signal, so that they would go on after an abort; this client adds
 * it to each. Only the removal of the parts already stored, which the library asks for after a failure, runs
 * by its own time.
 */
function under(client: S3Client, signal: AbortSignal): S3Client {
  const send = (command: Parameters<S3Client['send']>[0]): Promise<unknown> => {
    const abortSignal =
      command instanceof AbortMultipartUploadCommand ? AbortSignal.timeout(TIDY_MS) : signal;
    const sent = client.send(command, { abortSignal });
    // A failed removal must not hide why the upload failed; a lifecycle rule of the bucket tidies up.
    return command instanceof AbortMultipartUploadCommand ? sent.catch(() => undefined) : sent;
  };
  return { config: client.config, send } as unknown as S3Client;
}
