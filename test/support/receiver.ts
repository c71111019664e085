import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, type Socket } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { within } from './eventually';

/** One request as it came over the wire. */
export interface Receipt {
  path: string;
  method: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
  /** `webhook-id`: the same for every attempt of one delivery. */
  id: string;
  attempt: number;
  distributionId: string;
  at: number;
  /** What was answered, once it was. */
  answered: number | undefined;
}

/** What to answer to the n-th request (from 1) of a path. */
export type Behaviour = (receipt: Receipt, nth: number) => Answer | Promise<Answer>;

export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: string;
}

export const ok: Behaviour = () => ({ status: 200, body: 'ok' });

export const refuse =
  (status: number): Behaviour =>
  () => ({ status, body: 'no' });

export const failTimes =
  (times: number, status = 503, headers: Record<string, string> = {}): Behaviour =>
  (_receipt, nth) =>
    nth <= times ? { status, headers } : { status: 200 };

export const slow =
  (ms: number): Behaviour =>
  () =>
    new Promise((resolve) => setTimeout(resolve, ms, { status: 200 }));

/** Holds every answer back until it is released; afterwards it answers at once. */
export function hang(): { behaviour: Behaviour; release: () => void } {
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  return { behaviour: () => released.then(() => ({ status: 200 })), release };
}

/** A real HTTP receiver that keeps a ledger of all that came, whatever the service believes. */
export class Receiver {
  readonly ledger: Receipt[] = [];
  url = '';
  private readonly behaviours = new Map<string, Behaviour>();
  private readonly counts = new Map<string, number>();
  private readonly sockets = new Set<Socket>();
  private watchers: (() => void)[] = [];
  private readonly server = createServer((request, response) => void this.take(request, response));

  static async start(): Promise<Receiver> {
    const receiver = new Receiver();
    receiver.server.on('connection', (socket: Socket) => {
      receiver.sockets.add(socket);
      socket.once('close', () => receiver.sockets.delete(socket));
    });
    await new Promise<void>((resolve) => void receiver.server.listen(0, '127.0.0.1', resolve));
    receiver.url = `http://127.0.0.1:${(receiver.server.address() as AddressInfo).port}`;
    return receiver;
  }

  /** Paths that nothing is said of answer 200. */
  on(path: string, behaviour: Behaviour): string {
    this.behaviours.set(path, behaviour);
    return `${this.url}${path}`;
  }

  at(path: string): Receipt[] {
    return this.ledger.filter((receipt) => receipt.path === path);
  }

  /** Resolves when so many requests have come to the path, in all since the start. */
  received(count: number, path?: string, withinMs = 20_000): Promise<Receipt[]> {
    const seen = (): Receipt[] => (path === undefined ? this.ledger : this.at(path));
    const arrived = new Promise<Receipt[]>((resolve) => {
      const check = (): void => {
        if (seen().length < count) return;
        this.watchers = this.watchers.filter((watcher) => watcher !== check);
        resolve(seen());
      };
      this.watchers.push(check);
      check();
    });
    return within(withinMs, `${count} requests at ${path ?? 'the receiver'}`, arrived);
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => void this.server.close(() => resolve()));
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    // Who dies in the middle of a request has not delivered it.
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    for await (const chunk of request) chunks.push(chunk as Buffer);
    // A health check, which is no delivery: it is there.
    if (request.method === 'HEAD') return void response.end();
    const path = request.url ?? '/';
    const receipt = receiptOf(request, path, Buffer.concat(chunks));
    const nth = (this.counts.get(path) ?? 0) + 1;
    this.counts.set(path, nth);
    this.ledger.push(receipt);
    const answer = (this.behaviours.get(path) ?? ok)(receipt, nth);
    for (const watcher of [...this.watchers]) watcher();
    const { status, headers = {}, body = '' } = await answer;
    receipt.answered = status;
    response.writeHead(status, headers).end(body);
  }
}

function receiptOf(request: IncomingMessage, path: string, body: Buffer): Receipt {
  const header = (name: string): string => String(request.headers[name] ?? '');
  return {
    path,
    method: request.method ?? '',
    headers: request.headers,
    body,
    id: header('webhook-id'),
    attempt: Number(header('x-distribution-attempt')),
    distributionId: header('x-distribution-id'),
    at: Date.now(),
    answered: undefined,
  };
}

/** Throws unless both signatures are right: as a receiver would check them that knows nothing of the service. */
export function verifySignatures({ headers, body }: Receipt, secret: string): void {
  new Webhook(secret).verify(body.toString('utf8'), headers as Record<string, string>);
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const expected = `sha256=${createHmac('sha256', key).update(body).digest('hex')}`;
  const given = String(headers['x-zenia-signature']);
  if (given.length !== expected.length || !timingSafeEqual(Buffer.from(given), Buffer.from(expected))) {
    throw new Error(`x-zenia-signature is ${given}, not ${expected}`);
  }
}
