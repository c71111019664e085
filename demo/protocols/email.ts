import { type AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { type ProtocolReceiver } from './receiver';

/** An SMTP server of this process that keeps the subject of each mail. */
export async function emailReceiver(): Promise<ProtocolReceiver> {
  const mails: string[] = [];
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS', 'AUTH'],
    disableReverseLookup: true,
    // The service keeps its connections; the end of the demo does not wait for them.
    closeTimeout: 200,
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const subject = /^Subject: (.*)$/m.exec(Buffer.concat(chunks).toString())?.[1]?.trim() ?? '';
        const [to] = session.envelope.rcptTo;
        mails.push(`mail to ${to?.address ?? 'nobody'}: ${subject}`);
        done();
      });
    },
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.server.address() as AddressInfo;
  return {
    protocol: 'EMAIL',
    address: `SMTP server on port ${port}`,
    configuration: {
      host: '127.0.0.1',
      port,
      security: 'none',
      from: 'distributor@demo.example',
      to: 'council@demo.example',
      subject: 'Report {payload.report_id}',
      attachment: { format: 'as_is' },
    },
    arrived: () => mails,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
