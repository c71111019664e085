import { connect } from 'amqplib';
import { messageOf } from './container';
import { sharedServer } from './shared-servers';

const LOCAL = 'amqp://guest:guest@127.0.0.1:5672';

const REMEDY =
  'Set TEST_AMQP_URL=amqp://user:password@host:port, run a RabbitMQ on 127.0.0.1:5672, start Docker, ' +
  'or install the Debian package: apt-get install rabbitmq-server.';

/**
 * The address of a RabbitMQ: TEST_AMQP_URL, else the one on the standard local port, else one that this test run
 * starts (container or Debian package) and all its test files share. Name exchanges and queues uniquely.
 * Throws what was tried and how to get one.
 */
export async function findRabbitmq(): Promise<string> {
  const given = process.env.TEST_AMQP_URL;
  const local = await refusal(given ?? LOCAL);
  if (local === undefined) return given ?? LOCAL;
  if (given) throw new Error(`TEST_AMQP_URL cannot be used (${local}). ${REMEDY}`);
  return sharedServer('rabbitmq').catch((error: unknown) => {
    throw new Error(
      `No RabbitMQ for the tests.\n  127.0.0.1:5672: ${local}\n  ${messageOf(error)}\n${REMEDY}`,
    );
  });
}

/** Why this broker cannot be used; `undefined` when it can. */
async function refusal(url: string): Promise<string | undefined> {
  try {
    await (await connect(url, { timeout: 5_000 })).close();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
