import { type Provider } from '@nestjs/common';
import { SystemTransaction } from '../database/system-transaction';
import { Callers } from '../identity/callers';
import { IssuedTokens } from '../identity/issued-tokens';
import { fetchJwks, Jwks } from '../identity/jwks';
import { type IssuerSettings, IssuerSignIn } from '../identity/issuer-sign-in';
import { Passwords } from '../identity/passwords';
import { SessionTokens } from '../identity/session-tokens';
import { Sessions } from '../identity/sessions';
import { SignInThrottle } from '../identity/sign-in-throttle';
import { Users } from '../identity/users';
import { systemClock } from '../kernel/clock';
import { SecretBox } from '../kernel/secret-box';
import { ConfigurationTransaction } from '../tenants/configuration-transaction';
import { KeyLookup } from '../tenants/key-lookup';
import { TenantDirectory } from '../tenants/tenant-directory';
import { type Logger } from '../observability/logger';
import { type Configuration } from './configuration';
import { made } from './made';

interface IdentityContext {
  configuration: Configuration;
  log: Logger;
}

/** Who is asking: keys, tokens of others, users and their sessions. */
export function identityProviders({ configuration, log }: IdentityContext): Provider[] {
  const { JWT_SECRET_KEY, JWT_JWKS_URL, JWT_ISSUER, JWT_AUDIENCE } = configuration;
  const jwks =
    JWT_JWKS_URL === undefined
      ? undefined
      : new Jwks(fetchJwks(JWT_JWKS_URL), systemClock, (error) =>
          log.error({ err: error }, 'the keys of JWT_JWKS_URL cannot be had; those known stay in use'),
        );
  const settings = {
    secret: JWT_SECRET_KEY,
    jwks: jwks?.find,
    issuer: JWT_ISSUER,
    audience: JWT_AUDIENCE,
  };
  return [
    made(Passwords, [], () => new Passwords()),
    made(IssuedTokens, [], () => new IssuedTokens(settings, systemClock)),
    made(
      Sessions,
      [SystemTransaction, SecretBox, Passwords],
      (system, box, passwords) =>
        new Sessions({
          system,
          box,
          passwords,
          tokens: new SessionTokens(box, systemClock),
          throttle: new SignInThrottle(system, box),
          clock: systemClock,
          onRefused: (address) => log.info({ address }, 'sign-in refused'),
          onReuse: (username) =>
            log.warn({ username }, 'a refresh token was used twice; its session has been ended'),
        }),
    ),
    made(
      IssuerSignIn,
      [SecretBox],
      (box) =>
        new IssuerSignIn({
          settings: issuerSettings(configuration),
          box,
          clock: systemClock,
          onFault: (error) => log.error({ err: error }, 'OIDC_ISSUER cannot be asked'),
        }),
    ),
    made(
      Users,
      [ConfigurationTransaction, Passwords, Sessions],
      (transactions, passwords, sessions) =>
        new Users({ transactions, passwords, onChange: () => sessions.forgetAll() }),
    ),
    made(Callers, [KeyLookup, Sessions, IssuedTokens, TenantDirectory], (...parts) => new Callers(...parts)),
  ];
}

function issuerSettings(configuration: Configuration): IssuerSettings | undefined {
  const { OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET, OIDC_REDIRECT_URL } = configuration;
  if (OIDC_ISSUER === undefined || OIDC_CLIENT_ID === undefined || OIDC_REDIRECT_URL === undefined)
    return undefined;
  return {
    issuer: OIDC_ISSUER,
    clientId: OIDC_CLIENT_ID,
    clientSecret: OIDC_CLIENT_SECRET,
    redirectUrl: OIDC_REDIRECT_URL,
  };
}
