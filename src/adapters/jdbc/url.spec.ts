import { NetworkGuard } from '../network-guard';
import { type JdbcTarget, parseJdbcUrl } from './url';

const guard = new NetworkGuard([]);

describe('JDBC URLs', () => {
  it.each<[string, Partial<JdbcTarget>]>([
    ['jdbc:postgresql://db.example.com/sales', { dialect: 'postgresql', port: 5432, database: 'sales' }],
    [
      'jdbc:postgresql://db.example.com:6432/a%20b?sslmode=verify-full&currentSchema=x&prepareThreshold=0',
      { port: 6432, database: 'a b', encrypt: true, schema: 'x' },
    ],
    ['jdbc:postgresql://[2606:4700::1111]/sales', { host: '[2606:4700::1111]' }],
    ['jdbc:mysql://db.example.com/sales?useSSL=false', { dialect: 'mysql', port: 3306, encrypt: false }],
    ['jdbc:mariadb://db.example.com:3307/sales?sslMode=verify-full', { dialect: 'mysql', encrypt: true }],
    [
      'jdbc:sqlserver://db.example.com;databaseName={a;b}}c};encrypt=strict'.replace('strict', 'true'),
      { dialect: 'sqlserver', port: 1433, database: 'a;b}c', encrypt: true },
    ],
    [
      'jdbc:oracle:thin:@//db.example.com/ORCL',
      { dialect: 'oracle', port: 1521, database: 'ORCL', isSid: false },
    ],
    ['jdbc:oracle:thin:@db.example.com:1522:XE', { port: 1522, database: 'XE', isSid: true }],
    ['jdbc:oracle:thin:@tcps://db.example.com:2484/s.example.com', { port: 2484, encrypt: true }],
  ])('%s', (url, expected) => {
    expect(parseJdbcUrl(url, guard)).toEqual({
      ok: true,
      target: expect.objectContaining(expected) as JdbcTarget,
    });
  });

  it.each([
    'jdbc:mysql://address=(host=h)(port=1)/d',
    'jdbc:mysql://(host=h,port=1)/d',
    'jdbc:mysql://h1,h2/d',
    'jdbc:mysql://user@h/d',
    'jdbc:mysql://h/d?allowLoadLocalInfileInPath=/',
    'jdbc:mysql://h/d?allowUrlInLocalInfile=true',
    'jdbc:mysql://h/d?socketFactory=x',
    'jdbc:mysql://h/d?queryInterceptors=x',
    'jdbc:mysql://h/d?serverRSAPublicKeyFile=/etc/passwd',
    'jdbc:mariadb://h/d?serverSslCert=/etc/passwd',
    'jdbc:mariadb://h/d?pipe=x',
    'jdbc:postgresql://h/d?socketFactoryArg=x',
    'jdbc:postgresql://h/d?loggerFile=/tmp/x',
    'jdbc:postgresql://h/d?sslkey=/root/.ssh/id',
    'jdbc:postgresql://h/d?options=-c%20x',
    'jdbc:postgresql:///d',
    'jdbc:postgresql://h/d?user=u',
    'jdbc:postgresql://h:99999/d',
    'jdbc:sqlserver://h;databaseName=d;trustStore=/etc/x',
    'jdbc:sqlserver://h;databaseName=d;integratedSecurity=true',
    'jdbc:sqlserver://;serverName=h;databaseName=d',
    'jdbc:oracle:thin:@tnsname',
    'jdbc:oracle:thin:@//h:1521/s?https_proxy=p',
    'jdbc:oracle:thin:@//h1:1521,h2:1521/s',
    'jdbc:oracle:thin:@ldap://h/x',
    'jdbc:oracle:oci:@//h/s',
    'jdbc:postgresql://169.254.169.254/d',
    'jdbc:postgresql://0x7f.1/d',
    'jdbc:mysql://localhost/d',
  ])('refuses %s', (url) => {
    expect(parseJdbcUrl(url, guard)).toMatchObject({ ok: false });
  });
});
