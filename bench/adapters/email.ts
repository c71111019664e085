import { createTransport } from 'nodemailer';
import { type Report } from '../report';
import { adapterWay, run, type Way } from './contest';
import { startServer } from './servers';

const CONNECTIONS = 5;
const from = 'no-reply@sender.test';
const to = 'archive@receiver.test';

/** The job as an attachment over a pool of connections, in both ways. */
export async function emailContest(report: Report): Promise<void> {
  const server = await startServer('smtp-server.js');
  const { hostname: host, port } = new URL(server.url);
  const configuration = {
    host,
    port: Number(port),
    security: 'none',
    max_connections: CONNECTIONS,
    from,
    to,
    subject: 'Report {payload.report_id}',
    text: 'See the attachment.',
    attachment: { format: 'as_is' },
  };
  try {
    await run(
      {
        figure: 'adapter_email',
        concurrency: CONNECTIONS,
        adapter: adapterWay('EMAIL', configuration),
        bare: [['nodemailer', nodemailerWay(host, Number(port))]],
      },
      report,
    );
  } finally {
    await server.stop();
  }
}

function nodemailerWay(host: string, port: number): Way {
  const transport = createTransport({
    pool: true,
    host,
    port,
    ignoreTLS: true,
    maxConnections: CONNECTIONS,
    maxMessages: 1000,
  });
  return {
    deliver: async ({ body, deliveryId }) => {
      const attachment = { filename: 'report.json', content: body, contentType: 'application/json' };
      await transport.sendMail({
        from,
        to,
        subject: 'Report RPT-2026-000123',
        messageId: `<${deliveryId}@sender.test>`,
        text: 'See the attachment.',
        attachments: [attachment],
      });
    },
    close: async () => transport.close(),
  };
}
