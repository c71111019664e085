import { createHmac } from 'node:crypto';
import { isUuid } from '../kernel/ids';
import { SecretBox } from '../kernel/secret-box';

export const QUEUE = 'distribution_queue';
export const CONFIGURATION = 'configuration_changed';
export const ANYWHERE = '*';
/** A payload may have 8,000 bytes; beyond so many lanes a look at the table is cheaper than a list. */
const MOST_NAMED = 100;
/** So long may a tenant's id be. Hints have one length, which would tell a short id from a long one. */
const LONGEST_OWNER = 50;

/**
 * The words of hints. Every login of the database may listen, those of tenants' own programs too, and may say anything:
 * so lanes and tenants are sealed with a key that the processes of the service share, and what cannot be opened means
 * anywhere and everybody, which costs a look. Processes of the version before name lanes and tenants openly and take
 * sealed ones for unknown: a queue is looked at whole then, and a change of configuration is found by polling.
 */
export class Hints {
  private readonly box: SecretBox;

  /** @param hashKey that of database/hash-key.ts; another one is made of it, so that no key serves two purposes. */
  constructor(hashKey: Buffer) {
    this.box = new SecretBox([createHmac('sha256', hashKey).update('hints by NOTIFY').digest('hex')]);
  }

  ofLanes(laneIds: ReadonlySet<string>): string {
    return this.box.seal(laneIds.size > MOST_NAMED ? ANYWHERE : [...laneIds].join(), QUEUE);
  }

  /** Undefined: anywhere. */
  lanesIn(words: string): string[] | undefined {
    const lanes = this.opened(words, QUEUE).split(',');
    return lanes.every(isUuid) ? lanes : undefined;
  }

  /** Null: the platform. */
  ofOwner(tenantId: string | null): string {
    return this.box.seal((tenantId ?? '').padEnd(LONGEST_OWNER), CONFIGURATION);
  }

  /** Null: the platform, and so everybody. */
  ownerIn(words: string): string | null {
    return this.opened(words, CONFIGURATION).trimEnd() || null;
  }

  private opened(words: string, channel: string): string {
    if (!words.startsWith('v1.')) return words;
    try {
      return this.box.open(words, channel);
    } catch {
      return '';
    }
  }
}
