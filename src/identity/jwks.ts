import { createLocalJWKSet, errors, type FlattenedJWSInput, type JWSHeaderParameters } from 'jose';
import { z } from 'zod';
import { type Clock } from '../kernel/clock';
import { askIssuer } from './ask-issuer';

/** Where the key set comes from; rejects when it cannot be had. */
export type FetchJwks = () => Promise<unknown>;

type KeyOf = ReturnType<typeof createLocalJWKSet>;

/** A key that was taken out of the set is believed for this long. */
const FRESH_MS = 600_000;
/** An unknown key id may mean a new key, but whoever invents ids must not make us ask for each. */
const COOL_DOWN_MS = 30_000;

const jwks = z.object({ keys: z.array(z.record(z.string(), z.unknown())).max(100) });

/**
 * The public keys of JWT_JWKS_URL, kept in memory. Asked for again when they are ten minutes old, or when a token
 * names a key that is not among them. When the server cannot be reached, what is known stays in use.
 */
export class Jwks {
  private keyOf: KeyOf | undefined;
  private askedAt = Number.NEGATIVE_INFINITY;
  private asking: Promise<void> | undefined;

  constructor(
    private readonly fetchJwks: FetchJwks,
    private readonly clock: Clock,
    private readonly onFault: (error: unknown) => void,
  ) {}

  /** For `jwtVerify`. @throws JWKSNoMatchingKey also when no set was ever had. */
  readonly find = async (header: JWSHeaderParameters, token: FlattenedJWSInput): ReturnType<KeyOf> => {
    if (this.sinceAsked() > FRESH_MS) await this.ask();
    try {
      return await this.known(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      // Another request may be asking already: its answer serves all.
      if (this.asking === undefined && this.sinceAsked() <= COOL_DOWN_MS) throw error;
      await this.ask();
      return this.known(header, token);
    }
  };

  private async known(header: JWSHeaderParameters, token: FlattenedJWSInput): ReturnType<KeyOf> {
    if (this.keyOf === undefined) throw new errors.JWKSNoMatchingKey();
    return this.keyOf(header, token);
  }

  private sinceAsked(): number {
    return this.clock.now().getTime() - this.askedAt;
  }

  private ask(): Promise<void> {
    this.asking ??= this.replace().finally(() => (this.asking = undefined));
    return this.asking;
  }

  private async replace(): Promise<void> {
    this.askedAt = this.clock.now().getTime();
    try {
      this.keyOf = createLocalJWKSet(jwks.parse(await this.fetchJwks()));
    } catch (error) {
      this.onFault(error);
    }
  }
}

export const fetchJwks =
  (url: string): FetchJwks =>
  () =>
    askIssuer('JWT_JWKS_URL', url);
