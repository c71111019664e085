/** Limits of what may come in, and whom to believe; from the configuration. */
export class HttpSettings {
  readonly maxBytes!: number;
  readonly maxDepth!: number;
  /** Distributions in one bulk-submit. */
  readonly maxItems!: number;
  /** Other origins whose pages may call the API. */
  readonly corsOrigins!: ReadonlySet<string>;
  /** Networks whose X-Forwarded-* headers are believed. */
  readonly trustedProxies!: readonly string[];
  readonly metricsToken!: string | undefined;
  /** Where the browser goes after a sign-in at the issuer. */
  readonly afterSignIn!: string;

  constructor(settings: HttpSettings) {
    Object.assign(this, settings);
  }
}
