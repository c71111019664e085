import { HttpSettings } from '../http/settings';
import { type Configuration } from './configuration';

/** Distributions in one bulk-submit (contract). */
const MOST_IN_A_BATCH = 1000;

export const httpSettings = (configuration: Configuration): HttpSettings =>
  new HttpSettings({
    maxBytes: configuration.API_MAX_REQUEST_SIZE,
    maxDepth: configuration.API_MAX_DEPTH,
    maxItems: MOST_IN_A_BATCH,
    corsOrigins: new Set(configuration.CORS_ORIGINS),
    trustedProxies: configuration.TRUSTED_PROXIES,
    metricsToken: configuration.METRICS_TOKEN,
    afterSignIn: configuration.OIDC_RETURN_URL,
  });
