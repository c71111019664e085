import { type JsonObject } from '../kernel/json';
import { compileConfiguration } from './configuration';
import { mapSecrets, mask, MASK, resolveEnv, secretPaths, secretsIn } from './secrets';
import { restSchema } from './rest/schema';

const parse = compileConfiguration<JsonObject>(restSchema);

const full: JsonObject = {
  endpoint: 'https://example.com/',
  headers: { 'X-Api-Token': 'header-secret', 'X-Plain': 'plain' },
  auth: { type: 'basic', username: 'user', password: 'password-secret' },
  tls: { cert: 'c', key: 'key-secret', ca: 'public' },
  signing_secret: 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz',
};

describe('issues', () => {
  it.each<[JsonObject, string, string]>([
    [{}, 'configuration.endpoint', 'is required; add it'],
    [{ endpoint: 1 }, 'configuration.endpoint', 'must be of the type string'],
    [
      { endpoint: 'x', metod: 'GET' },
      'configuration.metod',
      'is not a known property; remove it or use one of: endpoint',
    ],
    [{ endpoint: 'x', method: 'TRACE' }, 'configuration.method', 'must be one of: GET, POST'],
    [{ endpoint: 'x', auth: { type: 'digest' } }, 'configuration.auth.type', 'must be one of: none, basic'],
    [{ endpoint: 'x', auth: {} }, 'configuration.auth.type', 'must be one of: none, basic'],
    [
      { endpoint: 'x', auth: { type: 'oauth2', client_id: 'a', client_secret: 'b' } },
      'configuration.auth.token_url',
      'is required',
    ],
    [
      { endpoint: 'x', auth: { type: 'basic', username: 'a', password: { env: 'A B' } } },
      'configuration.auth.password.env',
      'NAME of a variable',
    ],
    [
      { endpoint: 'x', retry_statuses: [503, 'often'] },
      'configuration.retry_statuses[1]',
      'a class such as "5xx"',
    ],
    [
      { endpoint: 'x', retry_policy: { max_attempts: 0 } },
      'configuration.retry_policy.max_attempts',
      'must be >= 1',
    ],
    [{ endpoint: 'x', tls: { key: 'k' } }, 'configuration.tls.cert', 'is required'],
    [
      { endpoint: 'x', auth: { type: 'bearer', token: MASK } },
      'configuration.auth.token',
      'is the mask of a stored secret',
    ],
  ])('of %j name the field and the way out', (configuration, field, issue) => {
    const parsed = parse(configuration);
    const issues = parsed.ok ? [] : parsed.issues;
    expect(issues).toContainEqual({ field, issue: expect.stringContaining(issue) as string });
  });

  it('are all reported at once, and never show a value', () => {
    const parsed = parse({ url: 'top-secret', method: 'top-secret', auth: { type: 'basic', password: 7 } });
    expect(parsed).toMatchObject({ ok: false });
    expect((parsed.ok ? [] : parsed.issues).length).toBeGreaterThanOrEqual(4);
    expect(JSON.stringify(parsed)).not.toContain('top-secret');
  });

  it('leave the input as it was', () => {
    const input = structuredClone(full);
    expect(parse(input)).toEqual({ ok: true, value: full });
    expect(input).toEqual(full);
  });
});

describe('secrets', () => {
  it('are where the schema says', () => {
    expect(secretPaths(restSchema)).toEqual(
      expect.arrayContaining([
        'auth.password',
        'auth.token',
        'auth.client_secret',
        'tls.key',
        'signing_secret',
        'headers.<name>',
      ]),
    );
    expect(secretsIn(full, restSchema).map(({ path }) => path.join('.'))).toEqual([
      'headers.X-Api-Token',
      'auth.password',
      'tls.key',
      'signing_secret',
    ]);
  });

  it('are masked, and all else is shown', () => {
    expect(mask(full, restSchema)).toEqual({
      endpoint: 'https://example.com/',
      headers: { 'X-Api-Token': MASK, 'X-Plain': 'plain' },
      auth: { type: 'basic', username: 'user', password: MASK },
      tls: { cert: 'c', key: MASK, ca: 'public' },
      signing_secret: MASK,
    });
  });

  it('are sealed once each and come back the same', () => {
    const sealed = mapSecrets(full, restSchema, (secret, path) => `sealed(${path}):${secret}`);
    expect(JSON.stringify(sealed).match(/sealed/g)).toHaveLength(4);
    expect(mapSecrets(sealed, restSchema, (secret, path) => secret.replace(`sealed(${path}):`, ''))).toEqual(
      full,
    );
    expect(JSON.stringify(full)).not.toContain('sealed');
  });
});

describe('references to environment variables', () => {
  const env = { DEST_TOKEN: 'from-env', DATABASE_URL: 'postgres://secret', DEST_EMPTY: '' };
  const withToken = (auth: JsonObject): JsonObject => ({ endpoint: 'https://example.com/', auth });

  it.each<JsonObject>([
    { type: 'bearer', token: { env: 'DEST_TOKEN' } },
    { type: 'bearer', token_env_var: 'DEST_TOKEN' },
  ])('of the allow-list are resolved: %j', (auth) => {
    const expected = { ok: true, value: withToken({ type: 'bearer', token: 'from-env' }) };
    expect(resolveEnv(withToken(auth), restSchema, ['DEST_*'], env)).toEqual(expected);
    expect(resolveEnv(withToken(auth), restSchema, ['DEST_TOKEN'], env)).toEqual(expected);
  });

  it('are shown, not masked, and never sealed', () => {
    const configuration = withToken({ type: 'bearer', token: { env: 'DEST_TOKEN' } });
    expect(mask(configuration, restSchema)).toEqual(configuration);
    expect(secretsIn(configuration, restSchema)).toEqual([]);
  });

  it.each([
    ['DATABASE_URL', 'may not be used by destinations'],
    ['DEST_EMPTY', 'is not set'],
    ['DEST_NONE', 'is not set'],
    ['toString', 'may not be used'],
  ])('of %s are refused', (name, issue) => {
    const resolved = resolveEnv(
      withToken({ type: 'bearer', token: { env: name } }),
      restSchema,
      ['DEST_*'],
      env,
    );
    expect(resolved).toMatchObject({
      ok: false,
      issues: [{ field: 'configuration.auth.token', issue: expect.stringContaining(issue) as string }],
    });
  });
});
