import { type Channel, type ChannelModel, connect, type ConfirmChannel } from 'amqplib';
import { declareIntake, EXCHANGE_IN } from '../../src/messaging/topology';
import { startTestServer } from '../adapters/servers';
import { analysed, inWorld, type World } from '../delivery/world';
import { PAYLOAD, submitAll, type Submitter } from '../load';
import { type Receiver } from '../processes';
import { type Report } from '../report';

const MESSAGES = 60_000;
/** The default of AMQP_PREFETCH. */
const PREFETCH = 1000;
const WINDOW = 1000;
/** Of both: what comes before is not measured, while the compiler of a process that has just started is at work. */
const WARM_UP = MESSAGES / 3;
const BARE_QUEUE = 'bare';

/** One tenant's messages are accepted one commit after the other, in their order; those of several side by side. */
const TENANTS = [1, 4];

/**
 * A full queue of named messages of 1 KB: a bare consumer that only acknowledges them, and the service, which commits a
 * job for each first, of one tenant and of four in turn. All with the same prefetch on the same kind of queue, one after
 * the other.
 */
export async function amqpIntake(report: Report, receiver: Receiver): Promise<void> {
  const broker = await startTestServer('rabbitmq-service.ts');
  try {
    const model = await connect(broker.url);
    const channel = await model.createConfirmChannel();
    await declareIntake(channel);
    const baseline = await bareConsumer(model, channel);
    for (const tenants of TENANTS) {
      await inWorld(receiver, { ROLE: 'api' }, async (world) => {
        const value = await accepted(world, broker.url, channel, tenants);
        report({
          scenario: 'intake',
          figure: tenants === 1 ? 'intake_amqp_one_tenant' : 'intake_amqp',
          value,
          unit: '/s',
          baseline: 'bare_consumer',
          baseline_value: baseline,
          ratio: value / baseline,
        });
      });
    }
    await model.close();
  } finally {
    await broker.stop();
  }
}

const FIRST_JOBS = 4000;

/** A tenant with one destination; the database knows its own size, which the role api does not see to. */
export async function warmedUp(world: World): Promise<Submitter> {
  const submitter = await world.tenant('bench', ['archive']);
  await submitAll(submitter, FIRST_JOBS);
  await world.rows('ANALYZE');
  await analysed(world);
  return submitter;
}

async function accepted(
  world: World,
  url: string,
  publisher: ConfirmChannel,
  tenants: number,
): Promise<number> {
  const submitters = [await warmedUp(world)];
  while (submitters.length < tenants)
    submitters.push(await world.tenant(`bench-${submitters.length}`, ['archive']));
  await fill(publisher, EXCHANGE_IN, submitters);
  return service(world, url);
}

/** Messages a second. */
async function bareConsumer(model: ChannelModel, publisher: ConfirmChannel): Promise<number> {
  const channel: Channel = await model.createChannel();
  await channel.assertQueue(BARE_QUEUE, { arguments: { 'x-queue-type': 'quorum' } });
  await fill(publisher, '', []);
  await channel.prefetch(PREFETCH);
  let [seen, from] = [0, 0];
  const passed = await new Promise<number>((resolve) => {
    void channel.consume(BARE_QUEUE, (message) => {
      if (message === null) return;
      channel.ack(message);
      if (++seen === WARM_UP) from = performance.now();
      if (seen === MESSAGES) resolve(performance.now() - from);
    });
  });
  await channel.close();
  return (MESSAGES - WARM_UP) / (passed / 1000);
}

/** Jobs a second that a process of the service has committed. */
async function service(world: World, url: string): Promise<number> {
  const jobs = async (): Promise<number> => {
    const [row] = await world.rows<{ count: number }>(`SELECT count(*)::int AS count FROM distribution_keys`);
    return row?.count ?? 0;
  };
  const before = await jobs();
  await world.start({ ROLE: 'api', AMQP_URL: url });
  const begun = await reached(jobs, before + WARM_UP);
  const ended = await reached(jobs, before + MESSAGES);
  return (ended.count - begun.count) / ((ended.at - begun.at) / 1000);
}

async function reached(count: () => Promise<number>, wanted: number): Promise<{ count: number; at: number }> {
  for (;;) {
    const seen = { count: await count(), at: performance.now() };
    if (seen.count >= wanted) return seen;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Submissions of these in turn; without any, as many messages to the bare queue. */
async function fill(
  channel: ConfirmChannel,
  exchange: string,
  submitters: readonly Submitter[],
): Promise<void> {
  const body = Buffer.from(
    JSON.stringify({ data_type: 'report', payload: PAYLOAD, destinations: ['archive'] }),
  );
  for (let number = 0; number < MESSAGES; number++) {
    const submitter = submitters[number % submitters.length];
    channel.publish(exchange, submitter === undefined ? BARE_QUEUE : `submit.${submitter.tenantId}`, body, {
      persistent: true,
      messageId: `message-${number}`,
      headers: { 'x-api-key': submitter?.key ?? 'none' },
    });
    if (number % WINDOW === 0) await channel.waitForConfirms();
  }
  await channel.waitForConfirms();
}
