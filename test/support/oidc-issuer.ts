import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';

type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;

interface Granted {
  redirectUri: string;
  challenge: string;
  claims: JWTPayload;
}

/** What goes wrong with the next token, on purpose. */
export interface Fault {
  claims?: JWTPayload;
  /** With a key that is not in the key set. */
  stranger?: boolean;
  /** Not signed at all. */
  none?: boolean;
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/**
 * An OpenID Connect issuer in small, strict in what RFC 6749, RFC 7636 and OpenID Connect Core ask of one: whoever comes
 * to its authorization endpoint is the person that the test says.
 */
export class OidcIssuer {
  readonly clientId = 'console';
  /** Undefined: a public client. */
  clientSecret: string | undefined = `${randomBytes(12).toString('base64')} :%+`;
  /** Of our service, as registered. */
  redirectUri = '';
  person: JWTPayload = {};
  fault: Fault = {};
  /** Why it refused, for the test to see. */
  readonly refusals: string[] = [];
  private readonly codes = new Map<string, Granted>();

  private constructor(
    private readonly server: Server,
    private readonly keys: KeyPair,
    private readonly strangers: KeyPair,
  ) {}

  static async start(): Promise<OidcIssuer> {
    const server = createServer();
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const make = (): Promise<KeyPair> => generateKeyPair('ES256', { extractable: true });
    const issuer = new OidcIssuer(server, await make(), await make());
    server.on('request', (request, response) => void issuer.take(request, response));
    return issuer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', this.url);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const json = (status: number, body: unknown): void =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    switch (pathname) {
      case '/.well-known/openid-configuration':
        return json(200, this.document);
      case '/jwks':
        return json(200, { keys: [{ ...(await exportJWK(this.keys.publicKey)), kid: 'k', alg: 'ES256' }] });
      case '/authorize':
        return this.authorize(searchParams, response);
      case '/token': {
        const granted = this.redeemed(request, new URLSearchParams(Buffer.concat(chunks).toString()));
        if (granted === undefined) return json(400, { error: 'invalid_grant' });
        const id_token = await this.signed(granted);
        return json(200, { access_token: 'unused', token_type: 'Bearer', id_token });
      }
      default:
        return json(404, {});
    }
  }

  private get document(): object {
    return {
      issuer: this.url,
      authorization_endpoint: `${this.url}/authorize`,
      token_endpoint: `${this.url}/token`,
      jwks_uri: `${this.url}/jwks`,
    };
  }

  private authorize(asked: URLSearchParams, response: ServerResponse): void {
    const expected = {
      response_type: 'code',
      client_id: this.clientId,
      redirect_uri: this.redirectUri,
      code_challenge_method: 'S256',
      scope: 'openid email',
    };
    const wrong = Object.entries(expected).filter(([name, value]) => asked.get(name) !== value);
    const [state, nonce, challenge] = ['state', 'nonce', 'code_challenge'].map(
      (name) => asked.get(name) ?? '',
    );
    if (wrong.length > 0 || !state || !nonce || !/^[\w-]{43}$/.test(challenge ?? '')) {
      this.refusals.push(`authorize: ${wrong.join('; ')}`);
      return void response.writeHead(400).end();
    }
    const code = randomBytes(16).toString('hex');
    const claims = { nonce, ...this.person };
    this.codes.set(code, { redirectUri: this.redirectUri, challenge: challenge ?? '', claims });
    const back = new URL(this.redirectUri);
    for (const [name, value] of Object.entries({ code, state, iss: this.url, session_state: 'x' }))
      back.searchParams.set(name, value);
    response.writeHead(302, { location: back.href }).end();
  }

  /** A code serves once, for the client that asked for it and knows the verifier. */
  private redeemed({ headers }: IncomingMessage, form: URLSearchParams): Granted | undefined {
    const granted = this.codes.get(form.get('code') ?? '');
    this.codes.delete(form.get('code') ?? '');
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    const checks: Record<string, boolean> = {
      code: granted !== undefined,
      client: this.isClient(headers.authorization, form),
      grant: form.get('grant_type') === 'authorization_code',
      redirect: form.get('redirect_uri') === granted?.redirectUri,
      verifier: challenge === granted?.challenge,
    };
    const wrong = Object.keys(checks).filter((name) => checks[name] !== true);
    if (wrong.length === 0) return granted;
    this.refusals.push(`token: ${wrong.join()}`);
    return undefined;
  }

  private isClient(authorization: string | undefined, form: URLSearchParams): boolean {
    if (this.clientSecret === undefined) return form.get('client_id') === this.clientId && !authorization;
    const half = (text: string): string => encodeURIComponent(text).replaceAll('%20', '+');
    const pair = `${half(this.clientId)}:${half(this.clientSecret)}`;
    return authorization === `Basic ${Buffer.from(pair).toString('base64')}`;
  }

  private async signed({ claims }: Granted): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const times = { iat: now, exp: now + 300 };
    const all = {
      iss: this.url,
      aud: this.clientId,
      sub: 'someone',
      ...times,
      ...claims,
      ...this.fault.claims,
    };
    if (this.fault.none === true) return `${encode({ alg: 'none' })}.${encode(all)}.`;
    const { privateKey } = this.fault.stranger === true ? this.strangers : this.keys;
    return new SignJWT(all).setProtectedHeader({ alg: 'ES256', kid: 'k' }).sign(privateKey);
  }
}
