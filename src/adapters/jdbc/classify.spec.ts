import { verdictOf } from './classify';
import { type DialectName } from './url';

const verdict = (dialect: DialectName, state: string | undefined, code?: number | string, answer?: string) =>
  verdictOf(dialect, new Error('x'), { state, code, answer, fatal: false });

describe('what the codes of databases mean', () => {
  it.each([
    ['40001', 'retry', 'RECEIVER_UNAVAILABLE'],
    ['40P01', 'retry', 'RECEIVER_UNAVAILABLE'],
    ['55P03', 'retry', 'RECEIVER_UNAVAILABLE'],
    ['08006', 'retry', 'CONNECTION_FAILED'],
    ['57P01', 'retry', 'RECEIVER_UNAVAILABLE'],
    ['57P03', 'retry', 'RECEIVER_UNAVAILABLE'],
    ['57014', 'retry', 'TIMEOUT'],
    ['53300', 'retry', 'RECEIVER_UNAVAILABLE'],
    ['53100', 'retry', 'RECEIVER_UNAVAILABLE'],
    ['25006', 'retry', 'RECEIVER_UNAVAILABLE'],
    ['22001', 'refused', 'RECEIVER_REFUSED'],
    ['23505', 'refused', 'RECEIVER_REFUSED'],
    ['42P01', 'refused', 'RECEIVER_REFUSED'],
    ['42501', 'refused', 'AUTHENTICATION_FAILED'],
    ['28P01', 'refused', 'AUTHENTICATION_FAILED'],
    ['3D000', 'refused', 'RECEIVER_REFUSED'],
    ['P0001', 'refused', 'RECEIVER_REFUSED'],
  ])('PostgreSQL %s is %s %s', (state, kind, code) => {
    expect(verdict('postgresql', state, undefined, 'ERROR')).toMatchObject({ kind, code });
  });

  it.each<[DialectName, number, string | undefined, string, string]>([
    ['mysql', 1205, 'HY000', 'retry', 'RECEIVER_UNAVAILABLE'],
    ['mysql', 1213, '40001', 'retry', 'RECEIVER_UNAVAILABLE'],
    ['mysql', 1040, '08004', 'retry', 'RECEIVER_UNAVAILABLE'],
    ['mysql', 1053, '08S01', 'retry', 'RECEIVER_UNAVAILABLE'],
    ['mysql', 1969, '70100', 'retry', 'TIMEOUT'],
    ['mysql', 1045, '28000', 'refused', 'AUTHENTICATION_FAILED'],
    ['mysql', 1142, '42000', 'refused', 'AUTHENTICATION_FAILED'],
    ['mysql', 1146, '42S02', 'refused', 'RECEIVER_REFUSED'],
    ['mysql', 1062, '23000', 'refused', 'RECEIVER_REFUSED'],
    ['mysql', 1366, 'HY000', 'refused', 'RECEIVER_REFUSED'],
    ['sqlserver', 1205, undefined, 'retry', 'RECEIVER_UNAVAILABLE'],
    ['sqlserver', 40613, undefined, 'retry', 'RECEIVER_UNAVAILABLE'],
    ['sqlserver', 18456, undefined, 'refused', 'AUTHENTICATION_FAILED'],
    ['sqlserver', 2627, undefined, 'refused', 'RECEIVER_REFUSED'],
    ['oracle', 60, undefined, 'retry', 'RECEIVER_UNAVAILABLE'],
    ['oracle', 3113, undefined, 'retry', 'CONNECTION_FAILED'],
    ['oracle', 1017, undefined, 'refused', 'AUTHENTICATION_FAILED'],
    ['oracle', 942, undefined, 'refused', 'RECEIVER_REFUSED'],
  ])('%s %i (%s) is %s %s', (dialect, number, state, kind, code) => {
    expect(verdict(dialect, state, number, 'said')).toMatchObject({ kind, code });
  });

  it.each([
    ['ECONNREFUSED', 'CONNECTION_FAILED'],
    ['ETIMEDOUT', 'TIMEOUT'],
    ['UND_ERR_CONNECT_TIMEOUT', 'TIMEOUT'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'TLS_FAILED'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'TLS_FAILED'],
    ['PROTOCOL_CONNECTION_LOST', 'CONNECTION_FAILED'],
    ['NJS-503', 'CONNECTION_FAILED'],
  ])('a network that says %s is %s', (code, expected) => {
    expect(verdict('mysql', undefined, code)).toMatchObject({ kind: 'retry', code: expected });
  });
});
