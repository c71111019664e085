import { ownerUrl, readConfiguration } from './configuration';

describe('the configuration', () => {
  it('needs nothing: the embedded default', () => {
    const configuration = readConfiguration({});
    expect(ownerUrl(configuration)).toBeUndefined();
    expect(configuration).toMatchObject({ ROLE: 'all', API_PORT: 8000, DISTRIBUTION_DEFAULT_RETRIES: 3 });
  });

  it.each([
    ['API_PORT', 'eighty'],
    ['ROLE', 'boss'],
    ['DATABASE_URL', 'mysql://localhost/x'],
    ['BOOTSTRAP_ADMIN_KEY', 'secret'],
    ['LEASE_SECONDS', '0'],
    ['JWT_SECRET_KEY', 'of-less-than-thirty-two-bytes'],
    ['JWT_JWKS_URL', 'http://issuer.example.org/jwks'],
    ['JWT_JWKS_URL', 'file:///etc/jwks.json'],
    ['OIDC_ISSUER', 'http://issuer.example.org'],
    ['OIDC_ISSUER', 'https://issuer.example.org'],
    ['OIDC_RETURN_URL', '//issuer.example.org'],
    ['OIDC_RETURN_URL', 'javascript:alert(1)'],
    ['METRICS_TOKEN', 'short'],
    ['CORS_ORIGINS', '*'],
    ['CORS_ORIGINS', 'https://console.example.org/path'],
    ['TRUSTED_PROXIES', 'everybody'],
    ['BOOTSTRAP_ADMIN_USER', 'root'],
    ['BOOTSTRAP_ADMIN_PASSWORD', 'short'],
  ])('names %s when its value %s cannot be used', (name, value) => {
    expect(() => readConfiguration({ [name]: value })).toThrow(new RegExp(`${name}:`));
  });

  it('takes lists of origins and of proxies', () => {
    const { CORS_ORIGINS, TRUSTED_PROXIES } = readConfiguration({
      CORS_ORIGINS: 'https://console.example.org, http://localhost:5173',
      TRUSTED_PROXIES: '10.0.0.0/8, ::1',
    });
    expect(CORS_ORIGINS).toEqual(['https://console.example.org', 'http://localhost:5173']);
    expect(TRUSTED_PROXIES).toEqual(['10.0.0.0/8', '::1']);
  });

  it('counts an empty value as absent', () => {
    expect(readConfiguration({ API_PORT: '' }).API_PORT).toBe(8000);
  });

  it('makes the URL of the database from its parts, whatever the password holds', () => {
    const url = ownerUrl(
      readConfiguration({ DB_HOST: 'db', DB_USER: 'me', DB_PASSWORD: 'p@ss/w:rd', DB_SSL_MODE: 'require' }),
    );
    const parsed = new URL(url ?? '');
    expect(decodeURIComponent(parsed.password)).toBe('p@ss/w:rd');
    expect([parsed.hostname, parsed.pathname, parsed.search]).toEqual([
      'db',
      '/distributor',
      '?sslmode=require',
    ]);
  });
});
