import { type Failure } from '../failure';
import { networkFault } from '../network-faults';

/** SFTP status codes: 0 to 8 are version 3's (draft-ietf-secsh-filexfer-02), the others of later versions. */
export const STATUS = {
  noSuchFile: 2,
  permissionDenied: 3,
  failure: 4,
  unsupported: 8,
  alreadyExists: 11,
} as const;

/** The server answered a request with a status other than OK; the connection stays usable. */
export class StatusFault extends Error {
  constructor(
    readonly operation: string,
    readonly status: number,
    words: string,
  ) {
    super(`${operation}: ${words}`);
  }
}

/** There is no connection, or none any more. `level` is ssh2's word for the stage at which it failed. */
export class ConnectionFault extends Error {
  constructor(
    message: string,
    readonly level: string | undefined,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}

/** The server showed a key that is not pinned. The fingerprint is public: it helps to tell a change from an attack. */
export class HostKeyFault extends Error {
  constructor(readonly fingerprint: string) {
    super(`The server showed the host key ${fingerprint}`);
  }
}

const CONNECTION_STATUS = [6, 7];

/** Version 3 has one status, FAILURE, for a full disk, a quota and much else: it is worth another attempt. */
const REFUSED: Readonly<Record<number, string>> = {
  2: 'there is no such directory; create it, or set mkdirs',
  3: 'the user may not write there; check directory and permissions at the server',
  5: 'the server cannot take the name; check directory and filename',
  8: 'the server cannot do what is needed; set conflict to replace',
  10: 'there is no such directory; create it, or set mkdirs',
  11: 'the file exists; choose another conflict policy',
  12: 'the disk at the server is write-protected',
  19: 'a part of the path is no directory',
  20: 'the server cannot take the name; check directory and filename',
};

/** What an error of a delivery or health check means; `endedBy` errors included. */
export function verdictOf(error: Error): Failure {
  if (error instanceof StatusFault) return statusVerdict(error);
  if (error instanceof HostKeyFault) {
    const message = `${error.message}, which is not host_key. Compare it with the server's own, then correct host_key; if it is not the server's, somebody is in between.`;
    return { kind: 'retry', code: 'TLS_FAILED', message };
  }
  if (error instanceof ConnectionFault) return connectionVerdict(error);
  return networkFault(error);
}

function statusVerdict({ status, message }: StatusFault): Failure {
  const wayOut = REFUSED[status];
  if (wayOut !== undefined) {
    return {
      kind: 'refused',
      code: 'RECEIVER_REFUSED',
      message: `The server refused (status ${status}): ${wayOut}.`,
    };
  }
  if (CONNECTION_STATUS.includes(status)) {
    return { kind: 'retry', code: 'CONNECTION_FAILED', message: 'The server lost its own connection.' };
  }
  const operation = message.split(':')[0] ?? '';
  const words = `The server failed to ${operation} (status ${status}); its disk may be full. The delivery is tried again.`;
  return { kind: 'retry', code: 'RECEIVER_UNAVAILABLE', message: words };
}

function connectionVerdict(error: ConnectionFault): Failure {
  switch (error.level) {
    case 'client-authentication':
      return {
        kind: 'refused',
        code: 'AUTHENTICATION_FAILED',
        message: 'The server did not let the user in. Check the credentials of the destination.',
      };
    case 'handshake':
      return {
        kind: 'retry',
        code: 'TLS_FAILED',
        message: 'The encrypted connection failed: no common algorithm, or a faulty signature.',
      };
    case 'client-timeout':
      return {
        kind: 'retry',
        code: 'TIMEOUT',
        message:
          'The server took too long to let us in. Check that it runs, or raise connect_timeout_seconds.',
      };
    case 'configuration':
      return {
        kind: 'refused',
        code: 'CONFIGURATION_INVALID',
        message: 'The private key cannot be read. Check private_key and passphrase.',
      };
    case undefined:
    default:
      return networkFault(error);
  }
}
