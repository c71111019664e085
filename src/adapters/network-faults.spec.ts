import { networkFault } from './network-faults';

const fault = (code: string | undefined, name = 'Error', cause?: unknown): Error =>
  Object.assign(new Error('words of the library', { cause }), { name }, code === undefined ? {} : { code });

describe('a broken connection', () => {
  it.each([
    [fault('ECONNREFUSED'), 'retry', 'CONNECTION_FAILED'],
    // The AWS SDK names resets so.
    [fault('ECONNRESET', 'TimeoutError'), 'retry', 'CONNECTION_FAILED'],
    [fault('UND_ERR_CONNECT_TIMEOUT'), 'retry', 'TIMEOUT'],
    [fault('NETWORK_FORBIDDEN'), 'refused', 'NETWORK_FORBIDDEN'],
    [fault('NAME_RESOLUTION_FAILED'), 'retry', 'NAME_RESOLUTION_FAILED'],
    [fault('DEPTH_ZERO_SELF_SIGNED_CERT'), 'retry', 'TLS_FAILED'],
    [fault('ERR_TLS_CERT_ALTNAME_INVALID'), 'retry', 'TLS_FAILED'],
    [fault(undefined, 'TimeoutError'), 'retry', 'TIMEOUT'],
    [fault(undefined, 'AbortError'), 'retry', 'ABORTED'],
    // What the signal says goes before what it was given as a reason.
    [fault(undefined, 'AbortError', fault('ECONNRESET')), 'retry', 'ABORTED'],
    [fault('ERR_CANCELED', 'CanceledError'), 'retry', 'ABORTED'],
    [fault('UND_ERR_CLOSED'), 'retry', 'ABORTED'],
    [fault('UND_ERR_INVALID_ARG'), 'refused', 'CONFIGURATION_INVALID'],
    [fault('HANDSHAKE_NO_SSL_SUPPORT'), 'retry', 'TLS_FAILED'],
    [fault(undefined, 'Error', fault('CERT_HAS_EXPIRED')), 'retry', 'TLS_FAILED'],
    [fault(undefined), 'retry', 'CONNECTION_FAILED'],
  ])('%j is %s %s', (error, kind, code) => {
    expect(networkFault(error)).toMatchObject({ kind, code });
  });

  it('is told by its code, not in the words of a library, which may hold an address', () => {
    expect(networkFault(fault('ECONNREFUSED')).message).toMatch(/Check that it runs.*\(ECONNREFUSED\)$/);
    expect(networkFault(fault('ECONNREFUSED')).message).not.toContain('words');
  });
});
