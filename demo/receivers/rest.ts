import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { type Arrival, type Receiver } from './receiver';
import { whyForged } from './signature';

export interface RestAnswer {
  status: number;
  retryAfterSeconds?: number;
  body: object;
}

export interface RestReceiverOptions {
  name: string;
  tenantId: string;
  /** The tenant's signing secret, with which this receiver checks what comes. */
  secret: string;
  manner: string;
  /** `time`: how often this delivery has come by now, 1 = the first time. */
  answer: (time: number) => RestAnswer;
}

/** An HTTP server on a port of its own that takes nothing without a valid signature. */
export async function startRestReceiver(options: RestReceiverOptions): Promise<Receiver> {
  const received: Arrival[] = [];
  const server = createServer((request, response) => {
    // A sender that went away half-way has sent nothing.
    take(request, response, options, received).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/${options.name}`;
  return {
    name: options.name,
    tenantId: options.tenantId,
    manner: options.manner,
    address: url,
    destination: { protocol: 'REST', endpoint: url },
    received,
    stop: () => close(server),
  };
}

async function take(
  request: IncomingMessage,
  response: ServerResponse,
  { secret, answer }: RestReceiverOptions,
  received: Arrival[],
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  // A health check of the destination: nothing is delivered by it.
  if (request.method === 'HEAD') return void response.end();
  const body = Buffer.concat(chunks);
  const deliveryId = String(request.headers['webhook-id']);
  const forged = whyForged(secret, request.headers, body);
  const times = 1 + received.filter((earlier) => earlier.deliveryId === deliveryId).length;
  const answered =
    forged === undefined ? answer(times) : { status: 401, body: { error: 'invalid_signature' } };
  received.push({
    at: new Date(),
    deliveryId,
    attempt: Number(request.headers['x-distribution-attempt']),
    distributionId: String(request.headers['x-distribution-id']),
    ...(forged !== undefined && { forged }),
    answered: answered.status,
    body: parsed(body),
  });
  send(response, answered);
}

function send(response: ServerResponse, { status, retryAfterSeconds, body }: RestAnswer): void {
  const headers = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
