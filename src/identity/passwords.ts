import { randomBytes } from 'node:crypto';
import { hash, verify } from '@node-rs/argon2';
import { Slots } from '../adapters/slots';
import { ApiError } from '../kernel/errors';

/** Argon2id as OWASP recommends it: 19 MiB, two passes, one lane; about 30 ms of one core. */
const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** libuv's threads, four by default, also resolve names and read files for deliveries: two stay theirs. */
const AT_ONCE = 2;
const PATIENCE_MS = 5000;

/** The only place that computes and compares hashes of passwords. */
export class Passwords {
  private readonly slots = new Slots(AT_ONCE);
  /** Of a password that nobody has; compared where there is no user, so that both take the same time. */
  private readonly nobodys = hash(randomBytes(16), PARAMETERS);

  hash(password: string): Promise<string> {
    return this.inTurn(() => hash(normal(password), PARAMETERS));
  }

  /** False for an unknown user, after the same work as for a known one. */
  matches(stored: string | undefined, password: string): Promise<boolean> {
    return this.inTurn(async () => {
      const right = await verify(stored ?? (await this.nobodys), normal(password));
      return right && stored !== undefined;
    });
  }

  private async inTurn<T>(work: () => Promise<T>): Promise<T> {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    let started = false;
    const begun = (): Promise<T> => {
      started = true;
      return work();
    };
    try {
      return await this.slots.use(signal, begun);
    } catch (error) {
      if (started) throw error;
      throw new ApiError('SERVICE_UNAVAILABLE', 'too many sign-ins at the same time; try again', [], 5);
    }
  }
}

/** The same characters typed on different keyboards may be different bytes. */
const normal = (password: string): string => password.normalize('NFKC');
