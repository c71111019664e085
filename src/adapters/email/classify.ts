import { type NodemailerError } from 'nodemailer';
import { type Failure } from '../failure';
import { NetworkRefusal } from '../network-connect';
import { networkFault } from '../network-faults';

/**
 * Whether the connection ended before a byte of the message went out, e.g. one that the server closed while idle:
 * another connection may take it within the same attempt. The library says so by words alone (nodemailer 10.6).
 */
export const isUnsent = ({ code, message }: NodemailerError): boolean =>
  code === 'ECONNECTION' && message.startsWith('Reached maximum number of retries');

/** Why there is no token; an error only because the mail library hands errors on. */
export class TokenFailure extends Error {
  constructor(readonly failure: Failure) {
    super(failure.message);
  }
}

/** What to do after a message that the server did not take, by the library's code and the server's reply. */
export function mailFailure(error: NodemailerError): Failure {
  if (error instanceof NetworkRefusal) return networkFault(error);
  if (error instanceof TokenFailure) return error.failure;
  const reply = error.responseCode;
  switch (error.code) {
    case 'EAUTH':
    case 'ENOAUTH':
    case 'EOAUTH2':
      return reply !== undefined && reply < 500 && reply >= 400 ? unavailable(reply) : NOT_LET_IN;
    case 'ETLS':
      return TLS;
    case 'ETIMEDOUT':
      return networkFault(Object.assign(new Error(error.message), { code: 'ETIMEDOUT' }));
    case undefined:
    default:
      break;
  }
  if (reply !== undefined) return replyFailure(reply);
  switch (error.code) {
    case 'EMESSAGE':
      return refused('The message is larger than the server takes. Make it smaller, then replay.');
    case 'EENVELOPE': {
      const message = 'The server cannot take these addresses. Check from, to, cc and bcc, then replay.';
      return { kind: 'refused', code: 'CONFIGURATION_INVALID', message };
    }
    case 'EPROTOCOL': {
      const message = 'What answered does not speak SMTP. Check host, port and security.';
      return { kind: 'retry', code: 'RECEIVER_UNAVAILABLE', message };
    }
    case undefined:
    default:
      return networkFault(systemError(error));
  }
}

/** RFC 5321, 4.2.1: 4yz passes by itself, 5yz does not; 503 says that the session, not the message, was wrong. */
function replyFailure(reply: number): Failure {
  if (reply < 500 || reply === 503) return unavailable(reply);
  // RFC 4954, section 6, and 5.7.0 of RFC 3463.
  if ([530, 534, 535, 538].includes(reply)) return NOT_LET_IN;
  return refused(
    `The server refused the message (${reply}). Check addresses, size and the rules of the server, then replay.`,
  );
}

const unavailable = (reply: number): Failure => ({
  kind: 'retry',
  code: 'RECEIVER_UNAVAILABLE',
  message: `The server does not take the message for now (${reply}); it is tried again.`,
});

const refused = (message: string): Failure => ({ kind: 'refused', code: 'RECEIVER_REFUSED', message });

const NOT_LET_IN: Failure = {
  kind: 'refused',
  code: 'AUTHENTICATION_FAILED',
  message: 'The server refused the login, or asks for one. Check the credentials of the destination.',
};

const TLS: Failure = {
  kind: 'retry',
  code: 'TLS_FAILED',
  message:
    "The encrypted connection failed, or the server does not offer it. Check security, the fields under tls and the server's certificate.",
};

/** The library replaces the system's code by its own and keeps it beside. */
function systemError(error: NodemailerError): Error {
  const { originalCode } = error as { originalCode?: unknown };
  const plain = new Error(error.message);
  return typeof originalCode === 'string' ? Object.assign(plain, { code: originalCode }) : plain;
}
