import { type Failure } from '../failure';
import { networkFault } from '../network-faults';

/** What the broker said of one message. */
export type Verdict =
  | { kind: 'confirmed' }
  /** `mandatory`, and no queue took it; the broker's code and words. */
  | { kind: 'returned'; replyCode: number; replyText: string }
  /** The broker could not take responsibility: queue full with reject-publish, queue unavailable. */
  | { kind: 'nacked' }
  /** The channel or the connection ended first. `alone`: no other message was in flight on that channel. */
  | { kind: 'fault'; error: Error; alone: boolean };

/** What to do after a message that did not arrive. */
export function verdictFailure(verdict: Exclude<Verdict, { kind: 'confirmed' }>): Failure {
  switch (verdict.kind) {
    case 'returned':
      return {
        kind: 'refused',
        code: 'RECEIVER_REFUSED',
        message: `The broker returned the message (${verdict.replyCode}): no queue takes it. Check exchange, routing_key and bindings, then replay; or set mandatory to false.`,
      };
    case 'nacked':
      return {
        kind: 'retry',
        code: 'RECEIVER_UNAVAILABLE',
        message: 'The broker did not take the message (nack), e.g. for a full queue; it is tried again.',
      };
    case 'fault':
      return faultFailure(verdict.error);
  }
}

/** Reply codes of AMQP 0-9-1 by which a channel is closed for what was published on it. */
const CHANNEL_FAULTS: Readonly<Record<number, Failure>> = {
  311: {
    kind: 'refused',
    code: 'RECEIVER_REFUSED',
    message: 'The broker refused the message (311): it is too large.',
  },
  403: {
    kind: 'refused',
    code: 'AUTHENTICATION_FAILED',
    message: 'The broker refused access (403): give the account write permission for the exchange and topic.',
  },
  404: {
    kind: 'refused',
    code: 'RECEIVER_REFUSED',
    message: 'The broker knows no such exchange (404): declare it or correct exchange, then replay.',
  },
  406: {
    kind: 'refused',
    code: 'RECEIVER_REFUSED',
    message: 'The broker refused the message (406): check its size and the fields under properties.',
  },
};

/** The end of a channel or connection, or a connection that did not come about. */
export function faultFailure(error: Error): Failure {
  const byCode = CHANNEL_FAULTS[replyCodeOf(error) ?? 0];
  if (byCode !== undefined) return byCode;
  if (error instanceof TypeError) {
    const message = 'The message could not be written as configured. Check headers and properties.';
    return { kind: 'refused', code: 'CONFIGURATION_INVALID', message };
  }
  return handshakeFailure(error.message) ?? networkFault(error);
}

/** The broker's reply code, where the error came by a close of the protocol rather than of the network. */
export function replyCodeOf(error: Error): number | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === 'number' ? code : undefined;
}

/** The library hands on a refused handshake as words alone (amqplib 2.3.1, lib/connection.js). */
function handshakeFailure(words: string): Failure | undefined {
  const [, code] = /^Handshake terminated by server: (\d+)/.exec(words) ?? [];
  if (code === '403') {
    const message = 'The broker refused the login (403): check user name, password and mechanism.';
    return { kind: 'refused', code: 'AUTHENTICATION_FAILED', message };
  }
  if (code !== undefined) {
    const message = `The broker ended the connection while it was opened (${code}); it is tried again.`;
    return { kind: 'retry', code: 'RECEIVER_UNAVAILABLE', message };
  }
  if (words.startsWith('SASL mechanism')) {
    const message = 'The broker does not offer this way to log in. Change connection.mechanism.';
    return { kind: 'refused', code: 'CONFIGURATION_INVALID', message };
  }
  // The broker's reason is lost in the library; of the three, the last one passes by itself.
  if (words.startsWith('Expected ConnectionOpenOk')) {
    const message =
      'The broker did not open the virtual host: it does not exist, the account has no access to it, or it has too many connections. Check vhost and permissions.';
    return { kind: 'retry', code: 'AUTHENTICATION_FAILED', message };
  }
  return undefined;
}
