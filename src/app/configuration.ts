import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { isTenantId, type TenantId } from '../kernel/ids';
import { isSafeUrl } from '../identity/ask-issuer';
import { LONGEST_PASSWORD, SHORTEST_PASSWORD, USERNAME, USERNAME_RULE } from '../identity/credential-rules';

export const ROLES = ['api', 'worker', 'scheduler', 'all'] as const;
export type Role = (typeof ROLES)[number];

const integer = (fallback: number, min: number, max = Number.MAX_SAFE_INTEGER) =>
  z.coerce.number().int().min(min).max(max).default(fallback);
const list = z
  .string()
  .default('')
  .transform((text) => text.split(',').flatMap((item) => item.trim() || []));

const SAFE_URL_RULE = 'must be an https URL; http is for 127.0.0.1, ::1 and localhost only';
const safeUrl = z.string().refine(isSafeUrl, SAFE_URL_RULE).optional();

/** A place of this site, or a whole address. */
const isReturnUrl = (text: string): boolean => /^\/(?![/\\])[\x21-\x7e]*$/.test(text) || isSafeUrl(text);

const isOrigin = (text: string): boolean =>
  /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;

/** `user=tenant`, many of them. */
function userTenants(pairs: string[], context: z.RefinementCtx): ReadonlyMap<string, TenantId> {
  const bound = new Map<string, TenantId>();
  for (const pair of pairs) {
    const [, user = '', tenantId = ''] = /^(.+)=([^=]+)$/.exec(pair) ?? [];
    if (isTenantId(tenantId)) bound.set(user, tenantId);
    else context.addIssue(`"${pair}" must be user=tenant_id; several with commas`);
  }
  return bound;
}

/** One entry a variable, in the order of .env.example, which says what each is for. */
const variables = z.object({
  DATABASE_URL: z.string().startsWith('postgres').optional(),
  DATABASE_APP_URL: z.string().startsWith('postgres').optional(),
  DATABASE_SYSTEM_URL: z.string().startsWith('postgres').optional(),
  DATABASE_READ_URL: z.string().startsWith('postgres').optional(),
  DATABASE_POOLER: z
    .string()
    .regex(/^[^/@:\s]+:\d+$/, 'must be host:port, e.g. pgbouncer:6432')
    .optional(),
  DB_HOST: z.string().optional(),
  DB_PORT: integer(5432, 1, 65535),
  DB_NAME: z.string().default('distributor'),
  DB_USER: z.string().default('postgres'),
  DB_PASSWORD: z.string().default(''),
  DB_SSL_MODE: z.enum(['disable', 'prefer', 'require', 'verify-ca', 'verify-full']).optional(),
  DB_POOL_SIZE: integer(10, 2, 200),
  DATA_DIR: z.string().min(1).default('data'),
  AMQP_URL: z
    .string()
    .refine((url) => /^amqps?:$/.test(URL.parse(url)?.protocol ?? ''), 'must be amqp://… or amqps://…')
    .optional(),
  AMQP_PREFETCH: integer(1000, 1, 65_535),
  AMQP_MAX_HELD: integer(10_000, 0, 1_000_000),
  AMQP_USER_TENANTS: list.transform(userTenants),
  ROLE: z.enum(ROLES).default('all'),
  API_HOST: z.string().default('0.0.0.0'),
  API_PORT: integer(8000, 0, 65535),
  API_DRAIN_SECONDS: integer(0, 0, 300),
  API_MAX_REQUEST_SIZE: integer(104_857_600, 1024),
  API_MAX_DEPTH: integer(64, 4, 1000),
  RATE_LIMIT_REQUESTS: integer(1000, 1, 1_000_000_000),
  RATE_LIMIT_WINDOW_SECONDS: integer(60, 1, 1_000_000_000),
  BURST_LIMIT: integer(200, 1, 1_000_000_000),
  API_KEY_RATE_LIMIT_REQUESTS: integer(100, 1, 1_000_000_000),
  MAX_DESTINATIONS_PER_JOB: integer(100, 1, 10_000),
  WORKER_CONCURRENCY: integer(512, 1, 10_000),
  WORKER_GRACEFUL_SHUTDOWN_TIMEOUT: integer(30, 0, 3600),
  LEASE_SECONDS: integer(30, 2, 3600),
  DISTRIBUTION_DEFAULT_TIMEOUT: integer(300, 1),
  DISTRIBUTION_MAX_TIMEOUT: integer(1800, 1),
  DISTRIBUTION_DEFAULT_RETRIES: integer(3, 0, 20),
  DISTRIBUTION_MAX_RETRIES: integer(20, 0, 100),
  DISTRIBUTION_MAX_BACKOFF: integer(300, 1),
  DISTRIBUTION_CIRCUIT_BREAKER_FAILURE_THRESHOLD: integer(5, 1, 1000),
  DISTRIBUTION_CIRCUIT_BREAKER_RECOVERY_TIMEOUT: integer(60, 1, 86_400),
  TRANSFORM_PROCESSES: integer(2, 1, 64),
  TRANSFORM_DEADLINE_MS: integer(250, 20, 10_000),
  TRANSFORM_MEMORY_MB: integer(96, 32, 4096),
  RETENTION_MONTHS: integer(24, 1, 1200),
  DEAD_LETTER_RETENTION_DAYS: integer(7, 1, 3650),
  DESTINATION_ALLOWED_NETWORKS: list,
  DESTINATION_ENV_ALLOWLIST: list,
  DESTINATION_HEALTH_CHECK_INTERVAL: integer(60, 0, 86_400),
  DESTINATION_AWS_IDENTITY_TENANTS: list,
  ENCRYPTION_KEYS: list,
  BOOTSTRAP_ADMIN_KEY: z
    .string()
    .regex(
      /^zk_[0-9a-f]{32}$/,
      'must be zk_ and 32 lower-case hexadecimal digits, e.g. zk_$(openssl rand -hex 16)',
    )
    .optional(),
  BOOTSTRAP_ADMIN_USER: z.string().regex(USERNAME, USERNAME_RULE).optional(),
  BOOTSTRAP_ADMIN_PASSWORD: z
    .string()
    .min(SHORTEST_PASSWORD, `must have at least ${SHORTEST_PASSWORD} characters`)
    .max(LONGEST_PASSWORD)
    .optional(),
  JWT_SECRET_KEY: z
    .string()
    .refine(
      (key) => Buffer.byteLength(key) >= 32,
      'must have at least 32 bytes, e.g. $(openssl rand -base64 48)',
    )
    .optional(),
  JWT_JWKS_URL: safeUrl,
  JWT_ISSUER: z.string().optional(),
  JWT_AUDIENCE: z.string().optional(),
  OIDC_ISSUER: safeUrl,
  OIDC_CLIENT_ID: z.string().optional(),
  OIDC_CLIENT_SECRET: z.string().optional(),
  OIDC_REDIRECT_URL: safeUrl,
  OIDC_RETURN_URL: z
    .string()
    .refine(isReturnUrl, 'must be a path, e.g. /console, or an https URL')
    .default('/console/'),
  CORS_ORIGINS: list.refine(
    (origins) => origins.every(isOrigin),
    'must be origins with commas, e.g. https://console.example.org; without path, and no *',
  ),
  TRUSTED_PROXIES: list.refine(
    (networks) => networks.every((network) => isIP(network) !== 0 || ipaddr.isValidCIDR(network)),
    'must be addresses or CIDR blocks with commas, e.g. 10.0.0.0/8',
  ),
  METRICS_TOKEN: z
    .string()
    .regex(
      /^[\x21-\x7e]{16,}$/,
      'must have at least 16 characters, without spaces, e.g. $(openssl rand -hex 32)',
    )
    .optional(),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  LOG_FORMAT: z.enum(['json', 'text']).default('json'),
});

const together = variables
  .refine(
    (all) => (all.BOOTSTRAP_ADMIN_USER === undefined) === (all.BOOTSTRAP_ADMIN_PASSWORD === undefined),
    {
      path: ['BOOTSTRAP_ADMIN_USER'],
      message: 'needs BOOTSTRAP_ADMIN_PASSWORD beside it, and the other way round',
    },
  )
  .refine(
    (all) =>
      new Set([all.OIDC_ISSUER, all.OIDC_CLIENT_ID, all.OIDC_REDIRECT_URL].map((one) => one === undefined))
        .size === 1,
    {
      path: ['OIDC_ISSUER'],
      message: 'needs OIDC_CLIENT_ID and OIDC_REDIRECT_URL beside it, and each of them the others',
    },
  );

export type Configuration = Readonly<z.infer<typeof variables>>;

/** What may stand in the environment; .env.example explains each. */
export const VARIABLE_NAMES: readonly string[] = Object.keys(variables.shape);

/**
 * Reads the environment; an empty value counts as absent.
 * @throws Error with one line a variable: its name, what is wrong, what is allowed.
 */
export function readConfiguration(env: NodeJS.ProcessEnv): Configuration {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = together.safeParse(present);
  if (!parsed.success) {
    const lines = parsed.error.issues.map(({ path, message }) => `  ${path.join('.')}: ${message}`);
    throw new Error(`the configuration is not usable:\n${lines.join('\n')}\nSee .env.example.`);
  }
  return parsed.data;
}

/** The owner's URL, from DATABASE_URL or its parts; undefined = the embedded default. */
export function ownerUrl(configuration: Configuration): string | undefined {
  const { DATABASE_URL, DB_HOST, DB_PORT, DB_NAME, DB_USER, DB_PASSWORD, DB_SSL_MODE } = configuration;
  if (DATABASE_URL !== undefined) return DATABASE_URL;
  if (DB_HOST === undefined) return undefined;
  const url = new URL(`postgres://${DB_HOST}:${DB_PORT}/${encodeURIComponent(DB_NAME)}`);
  url.username = encodeURIComponent(DB_USER);
  url.password = encodeURIComponent(DB_PASSWORD);
  if (DB_SSL_MODE !== undefined) url.searchParams.set('sslmode', DB_SSL_MODE);
  return url.toString();
}
