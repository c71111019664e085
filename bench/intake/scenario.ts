import { startReceiver } from '../processes';
import { type Report } from '../report';
import { amqpIntake } from './amqp';
import { bulkIntake } from './bulk';

/** How fast jobs come in, durably; nothing is delivered meanwhile. */
export async function intakeBench(report: Report): Promise<void> {
  const receiver = await startReceiver();
  try {
    await amqpIntake(report, receiver);
    await bulkIntake(report, receiver);
  } finally {
    receiver.stop();
  }
}
