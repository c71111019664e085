import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { type Chaos } from './chaos';
import { type Ledger } from './ledger';

type Misbehaviour = (response: ServerResponse, request: IncomingMessage) => void;

const MEGABYTE = Buffer.alloc(1024 * 1024, 'x');

/** What a receiver may do to its sender once the request has come. */
export const MISBEHAVIOURS: Record<string, Misbehaviour> = {
  hangs: () => undefined,
  trickles: (response) => {
    response.writeHead(200, { 'content-length': '1000' });
    const timer = setInterval(() => response.write('x'), 200);
    response.on('close', () => clearInterval(timer));
  },
  fails: (response) => void response.writeHead(503).end('later'),
  resets: (_response, request) => void request.socket.resetAndDestroy(),
  'has-no-end': (response) => {
    response.writeHead(500);
    const more = (): void => {
      while (!response.destroyed && response.write(MEGABYTE));
    };
    response.on('drain', more);
    more();
  },
};

/** A server that misbehaves by path, `/<tenant>/<name of the misbehaviour>`, and notes what came into the ledger. */
export class FaultyReceiver {
  url = '';
  private readonly open = new Set<ServerResponse>();
  private released = false;
  private readonly server = createServer((request, response) => this.take(request, response));

  private constructor(private readonly ledger: Ledger) {}

  static async start(chaos: Chaos): Promise<FaultyReceiver> {
    const receiver = new FaultyReceiver(chaos.ledger);
    await new Promise<void>((resolve) => void receiver.server.listen(0, '127.0.0.1', resolve));
    receiver.url = `http://127.0.0.1:${(receiver.server.address() as AddressInfo).port}`;
    chaos.atEnd(async () => {
      receiver.release();
      await new Promise<void>((resolve) => void receiver.server.close(() => resolve()));
    });
    return receiver;
  }

  /** Requests that have not had their whole answer. */
  get unanswered(): number {
    return this.open.size;
  }

  /** Lets go of everybody; from now on it only fails. */
  release(): void {
    this.released = true;
    this.server.closeAllConnections();
  }

  private take(request: IncomingMessage, response: ServerResponse): void {
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    if (request.method === 'HEAD') return void response.end();
    this.open.add(response);
    response.on('close', () => this.open.delete(response));
    request.resume().on('end', () => {
      const header = (name: string): string => String(request.headers[name] ?? '');
      const place = (request.url ?? '').slice(1);
      const attempt = Number(header('x-distribution-attempt'));
      const arrival = this.ledger.arrived(place, header('webhook-id'), header('x-distribution-id'), attempt);
      const kind = this.released ? 'fails' : (place.split('/')[1] ?? '');
      MISBEHAVIOURS[kind]?.(response, request);
      // The status decides, even where the rest of the answer never comes.
      arrival.taken = response.headersSent && response.statusCode < 300;
    });
  }
}
