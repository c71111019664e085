import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';

/** An OAuth 2.0 token endpoint that gives out `tokens` in turn, and 400 when there are none left. */
export class TokenServer {
  tokens: string[] = [];
  /** The form of each request. */
  readonly requests: Record<string, string>[] = [];

  private constructor(private readonly server: Server) {}

  static async start(): Promise<TokenServer> {
    const server = createServer();
    const tokens = new TokenServer(server);
    server.on('request', (request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        tokens.requests.push(Object.fromEntries(new URLSearchParams(body)));
        const token = tokens.tokens.shift();
        const answer =
          token === undefined ? { error: 'invalid_grant' } : { access_token: token, expires_in: 3600 };
        response.writeHead(token === undefined ? 400 : 200, { 'content-type': 'application/json' });
        response.end(JSON.stringify(answer));
      });
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    return tokens;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/token`;
  }

  stop(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => void this.server.close(() => resolve()));
  }
}
