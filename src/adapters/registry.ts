import { createJdbcAdapter } from './jdbc/adapter';
import { createAmqpAdapter } from './amqp/adapter';
import { createEmailAdapter } from './email/adapter';
import { type NetworkGuard } from './network-guard';
import { type Adapter, type Protocol } from './port';
import { createRestAdapter } from './rest/adapter';
import { createS3Adapter } from './s3/adapter';
import { createSftpAdapter } from './sftp/adapter';

export interface AdapterOptions {
  guard: NetworkGuard;
  /** Of the service; receivers see it in `user-agent` and the like. */
  version: string;
  /** Tenants that may use the service's own AWS identity; none unless the operator says so. */
  serviceIdentityFor?: readonly string[];
  /** Milliseconds since the epoch; the machine's clock unless a test says otherwise. */
  now?: () => number;
}

/** Every adapter of the service, by hand: "find references" leads from here to each of them. */
export function createAdapters(options: AdapterOptions): ReadonlyMap<Protocol, Adapter> {
  const now = options.now ?? Date.now;
  const adapters = [
    createRestAdapter({ guard: options.guard, version: options.version, now }),
    createS3Adapter({ guard: options.guard, serviceIdentityFor: options.serviceIdentityFor ?? [] }),
    createSftpAdapter({ guard: options.guard }),
    createJdbcAdapter({ guard: options.guard }),
    createAmqpAdapter({ guard: options.guard, version: options.version, now }),
    createEmailAdapter({ guard: options.guard, now }),
  ];
  return new Map(adapters.map((adapter) => [adapter.protocol, adapter as Adapter]));
}
