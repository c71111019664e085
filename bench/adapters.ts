import { amqpContest } from './adapters/amqp';
import { emailContest } from './adapters/email';
import { mariadbContest, postgresqlContest } from './adapters/jdbc';
import { restContest } from './adapters/rest';
import { s3Contest } from './adapters/s3';
import { sftpContest } from './adapters/sftp';
import { type Report } from './report';

/** Deliveries a second through each adapter, as ratios to its client library doing the same in the same run. */
export async function adaptersBench(report: Report): Promise<void> {
  const contests = [
    restContest,
    amqpContest,
    postgresqlContest,
    mariadbContest,
    s3Contest,
    sftpContest,
    emailContest,
  ];
  for (const contest of contests) await contest(report);
}
