/** Limits of what may come in; from the configuration. */
export class HttpSettings {
  constructor(
    readonly maxBytes: number,
    readonly maxDepth: number,
    /** Distributions in one bulk-submit. */
    readonly maxItems: number,
  ) {}
}
