import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';

/** What stands between a client and the service does with a request; `pass` where nothing is said. */
export type Treatment =
  | 'pass'
  /** The service has done it, and the connection breaks before its answer is through. */
  | 'lose_answer'
  /** The connection breaks and the service has seen nothing. */
  | 'cut'
  | 'hang'
  | { status: number; headers?: Record<string, string>; body?: string };

export interface Passed {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A load balancer with bad days, in front of the real service. */
export class FrontDoor {
  readonly requests: Passed[] = [];
  url = '';
  private treatments: Treatment[] = [];
  private readonly server = createServer((request, response) => void this.take(request, response));

  private constructor(private readonly target: () => string) {}

  static async before(target: () => string): Promise<FrontDoor> {
    const door = new FrontDoor(target);
    await new Promise<void>((resolve) => void door.server.listen(0, '127.0.0.1', resolve));
    door.url = `http://127.0.0.1:${(door.server.address() as AddressInfo).port}`;
    return door;
  }

  /** For the next requests, one after the other; what came before is forgotten. */
  next(...treatments: Treatment[]): void {
    this.treatments = treatments;
    this.requests.length = 0;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => void this.server.close(() => resolve()));
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = Buffer.concat((await request.toArray()) as Buffer[]).toString();
    const { method = '', url: path = '', headers } = request;
    this.requests.push({ method, path, headers, body });
    const treatment = this.treatments.shift() ?? 'pass';
    if (treatment === 'hang') return;
    if (treatment === 'cut') return void response.destroy();
    if (typeof treatment === 'object') {
      return void response.writeHead(treatment.status, treatment.headers).end(treatment.body);
    }
    const { host: _host, connection: _connection, 'content-length': _length, ...kept } = headers;
    const answer = await fetch(this.target() + path, {
      method,
      headers: kept as Record<string, string>,
      ...(body === '' ? {} : { body }),
    });
    const text = await answer.text();
    if (treatment === 'lose_answer') return void response.destroy();
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(text);
  }
}
