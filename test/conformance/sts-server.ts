import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';

export interface Asked {
  form: Record<string, string>;
  accessKeyId: string;
  sessionToken: string | undefined;
}

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/**
 * AssumeRole of AWS STS, by plain HTTP: verifies the SigV4 signature as the documentation of AWS computes it,
 * and gives out the keys that it was told.
 */
export class StsServer {
  readonly asked: Asked[] = [];
  /** Secrets by access key id. */
  readonly known = new Map<string, string>();
  gives = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER', sessionToken: 'role-session-token-8812' };
  lifeSeconds = 3600;
  /** Instead of an answer. */
  answerBy: ((response: ServerResponse) => void) | undefined;

  private constructor(private readonly server: Server) {}

  static async start(): Promise<StsServer> {
    const server = createServer();
    const sts = new StsServer(server);
    server.on('request', (request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => sts.take(request, body, response));
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    return sts;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  stop(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => void this.server.close(() => resolve()));
  }

  private take(request: IncomingMessage, body: string, response: ServerResponse): void {
    const accessKeyId = /Credential=([^/]+)\//.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const sessionToken = request.headers['x-amz-security-token'] as string | undefined;
    this.asked.push({ form: Object.fromEntries(new URLSearchParams(body)), accessKeyId, sessionToken });
    if (this.answerBy !== undefined) return this.answerBy(response);
    const secret = this.known.get(accessKeyId);
    if (secret === undefined) return stsError(response, 403, 'InvalidClientTokenId');
    if (!isSigned(request, body, secret)) return stsError(response, 403, 'SignatureDoesNotMatch');
    const { accessKeyId: id, secretAccessKey, sessionToken: token } = this.gives;
    const expiration = new Date(Date.now() + this.lifeSeconds * 1000).toISOString();
    response.writeHead(200, { 'content-type': 'text/xml' }).end(
      `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
         <AccessKeyId>${id}</AccessKeyId><SecretAccessKey>${secretAccessKey}</SecretAccessKey>
         <SessionToken>${token}</SessionToken><Expiration>${expiration}</Expiration>
       </Credentials></AssumeRoleResult></AssumeRoleResponse>`,
    );
  }
}

export const stsError = (response: ServerResponse, status: number, code: string): void =>
  void response
    .writeHead(status, { 'content-type': 'text/xml' })
    .end(`<ErrorResponse><Error><Code>${code}</Code><Message>no</Message></Error></ErrorResponse>`);

function isSigned(request: IncomingMessage, body: string, secret: string): boolean {
  const { authorization = '' } = request.headers;
  const [, date = '', region = '', service = ''] =
    /Credential=[^/]+\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request/.exec(authorization) ?? [];
  const names = /SignedHeaders=([^,]+)/.exec(authorization)?.[1] ?? '';
  const headers = names.split(';').map((name) => `${name}:${String(request.headers[name]).trim()}\n`);
  const canonical = ['POST', '/', '', headers.join(''), names, sha256(body)].join('\n');
  const time = String(request.headers['x-amz-date']);
  const scope = `${date}/${region}/${service}/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n');
  const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, date), region), service), 'aws4_request');
  const isWhole =
    ['host', 'x-amz-date'].every((name) => names.split(';').includes(name)) && service === 'sts';
  return isWhole && authorization.endsWith(`Signature=${hmac(key, text).toString('hex')}`);
}
