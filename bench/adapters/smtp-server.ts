import { type AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

/** Takes every mail and forgets it, for its parent process. */
const server = new SMTPServer({
  disabledCommands: ['STARTTLS', 'AUTH'],
  // A look-up of the client's name would cost every connection its time.
  disableReverseLookup: true,
  onData: (stream, _session, done) => {
    stream.resume();
    stream.on('end', () => done());
  },
});

process.on('disconnect', () => process.exit(0));
server.listen(0, '127.0.0.1', () => {
  process.send?.({ url: `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}` });
});
