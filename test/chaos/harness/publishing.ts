import { type TestTenant } from '../../support/api';
import { eventually } from '../../support/eventually';
import { Publisher } from '../../support/own-broker';
import { type Book } from './book';

export interface PublishingOptions {
  /** Of the broker itself, past every fault that lies between it and the service. */
  url: () => string;
  tenant: TestTenant;
  jobs: number;
  destinations: string[];
  /** Messages for each job: the same again, as a publisher sends it that missed a confirm. */
  copies: number;
  /** Every so many-th message is followed by one that cannot be read. */
  poisonEvery: number;
  /** Messages are named `<prefix>-<number>`. */
  prefix?: string;
}

/** Messages without a confirm, at most. */
const WINDOW = 20;

/** An upstream service as it should be: what the broker has not confirmed is published again, under the same name. */
export class Publishing {
  confirmed = 0;
  poisons = 0;
  readonly done: Promise<void>;
  private next = 0;

  constructor(
    private readonly options: PublishingOptions,
    private readonly book: Book,
  ) {
    this.done = this.run();
    this.done.catch(() => undefined);
  }

  reaches(confirmed: number, withinMs = 60_000): Promise<void> {
    return eventually({ until: `${confirmed} confirmed messages`, withinMs, everyMs: 10 }, () => {
      expect(this.confirmed).toBeGreaterThanOrEqual(confirmed);
    });
  }

  private async run(): Promise<void> {
    let publisher = await this.connected();
    while (this.next < this.options.jobs) {
      const numbers = Array.from(
        { length: Math.min(WINDOW, this.options.jobs - this.next) },
        (_, at) => this.next + at,
      );
      try {
        await Promise.all(numbers.map((number) => this.publish(publisher, number)));
        this.next += numbers.length;
      } catch {
        publisher = await this.connected();
      }
    }
    await publisher.close();
  }

  private connected(): Promise<Publisher> {
    return eventually({ until: 'the broker to take publishers', withinMs: 60_000, everyMs: 100 }, () =>
      Publisher.connect(this.options.url()),
    );
  }

  private async publish(publisher: Publisher, number: number): Promise<void> {
    const { tenant, destinations, copies, poisonEvery, prefix = 'message' } = this.options;
    const id = `${prefix}-${number}`;
    const headers = { 'x-api-key': tenant.api.key };
    const body = { data_type: 'report', payload: { number }, destinations };
    for (let copy = 0; copy < copies; copy++) {
      await publisher.publish(tenant.id, body, { headers, messageId: id });
    }
    if (!this.book.jobsOf(tenant.id).has(id)) this.confirmed++;
    this.book.acknowledged(tenant.id, id, destinations.length);
    if (number % poisonEvery !== 0) return;
    await publisher.publish(tenant.id, Buffer.from('{'), { headers, messageId: `poison-${number}` });
    this.poisons++;
  }
}
