import { z } from 'zod';
import { type Clock } from '../kernel/clock';
import { ApiError } from '../kernel/errors';
import { askIssuer, isSafeUrl } from './ask-issuer';
import { Jwks } from './jwks';

/** What an issuer publishes at /.well-known/openid-configuration, as far as it matters here. */
const document = z.object({
  issuer: z.string(),
  authorization_endpoint: z.string().refine(isSafeUrl),
  token_endpoint: z.string().refine(isSafeUrl),
  jwks_uri: z.string().refine(isSafeUrl),
});

export type IssuerDocument = z.infer<typeof document>;

/** What was read may be as old as this; while the issuer is away, older. */
const FRESH_MS = 600_000;
const RETRY_SECONDS = 10;

/** Where an issuer has its endpoints, and its keys. */
export class Discovery {
  readonly keys: Jwks;
  private known: { document: IssuerDocument; readAt: number } | undefined;
  private reading: Promise<IssuerDocument> | undefined;

  constructor(
    private readonly issuer: string,
    private readonly clock: Clock,
    private readonly onFault: (error: unknown) => void,
  ) {
    const fetchKeys = async (): Promise<unknown> =>
      askIssuer('the key set of OIDC_ISSUER', (await this.document()).jwks_uri);
    this.keys = new Jwks(fetchKeys, clock, onFault);
  }

  /** @throws ApiError SERVICE_UNAVAILABLE where it cannot be had and never could. */
  async document(): Promise<IssuerDocument> {
    const now = this.clock.now().getTime();
    if (this.known !== undefined && now - this.known.readAt < FRESH_MS) return this.known.document;
    try {
      // Many who come together ask once.
      this.reading ??= this.read().finally(() => (this.reading = undefined));
      this.known = { document: await this.reading, readAt: now };
    } catch (error) {
      this.onFault(error);
      if (this.known === undefined) throw issuerAway();
    }
    return this.known.document;
  }

  private async read(): Promise<IssuerDocument> {
    const url = `${this.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const read = document.parse(await askIssuer('OIDC_ISSUER', url));
    if (read.issuer !== this.issuer) throw new Error(`OIDC_ISSUER says that it is ${read.issuer}`);
    return read;
  }
}

export const issuerAway = (): ApiError =>
  new ApiError('SERVICE_UNAVAILABLE', 'the issuer cannot be asked at the moment', [], RETRY_SECONDS);
