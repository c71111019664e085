import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';

type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;

/** An issuer of tokens with a key set at a URL; its keys may change and its server may go away. */
export class Issuer {
  /** How often the key set was asked for. */
  asked = 0;
  answers = true;
  private readonly keys = new Map<string, KeyPair & { algorithm: string; jwk: JWK }>();

  private constructor(private readonly server: Server) {}

  static async start(): Promise<Issuer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const issuer = new Issuer(server);
    server.on('request', (_request, response) => {
      issuer.asked++;
      if (!issuer.answers) return void response.writeHead(503).end();
      const content = JSON.stringify({ keys: issuer.published });
      response.writeHead(200, { 'content-type': 'application/json' }).end(content);
    });
    return issuer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/jwks`;
  }

  get published(): JWK[] {
    return [...this.keys.values()].map(({ jwk }) => jwk);
  }

  async addKey(kid: string, algorithm: 'RS256' | 'ES256'): Promise<JWK> {
    const pair = await generateKeyPair(algorithm, { extractable: true });
    const jwk = { ...(await exportJWK(pair.publicKey)), kid, alg: algorithm, use: 'sig' };
    this.keys.set(kid, { ...pair, algorithm, jwk });
    return jwk;
  }

  removeKey(kid: string): void {
    this.keys.delete(kid);
  }

  /** Signed with the key of this name, whatever the header says beside. */
  async token(kid: string, claims: JWTPayload, header: object = {}): Promise<string> {
    const { privateKey, algorithm } = this.keys.get(kid) as KeyPair & { algorithm: string };
    return new SignJWT(claims).setProtectedHeader({ alg: algorithm, kid, ...header }).sign(privateKey);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
