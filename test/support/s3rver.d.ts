/** The part of @20minutes/s3rver 4.0.4 that the tests use; the package brings no types. */
declare module '@20minutes/s3rver' {
  import { type IncomingMessage, type ServerResponse } from 'node:http';

  class S3rver {
    constructor(options: {
      directory: string;
      silent: boolean;
      vhostBuckets: boolean;
      configureBuckets: { name: string }[];
    });
    configureBuckets(): Promise<unknown>;
    callback(): (request: IncomingMessage, response: ServerResponse) => void;
    logger: { exceptions: { unhandle(): void }; close(): void };
    store: {
      listObjects(bucket: string, options: object): Promise<{ objects: { key: string }[] }>;
      getMetadata(bucket: string, key: string): Promise<Record<string, string>>;
      getResourcePath(bucket: string, key: string, resource: string): string;
      deleteObject(bucket: string, key: string): Promise<void>;
    };
  }
  export = S3rver;
}
