import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import PostalMime, { type Email } from 'postal-mime';
import {
  SMTPServer,
  type SMTPServerAuthentication,
  type SMTPServerDataStream,
  type SMTPServerOptions,
  type SMTPServerSession,
} from 'smtp-server';
import { type JsonObject } from '../../src/kernel/json';
import { temporaryDirectory } from '../support/temporary-directory';
import { type Certificates, makeCertificates } from './certificates';
import { type Arrival, type Behaviour, type ProtocolHarness, RECEIVER_NAME, sha256 } from './harness';

export const PASSWORD = 'password-of-the-good-3d0e';
export const ACCESS_TOKEN = 'access-token-of-the-good-a71f';
const WRONG_PASSWORD = 'password-of-the-wrong-88b2';
const USERNAME = 'distributor@sender.test';

export interface EmailArrival extends Arrival {
  mail: Email;
  raw: Buffer;
  envelope: { from: string; to: string[] };
  secure: boolean;
  user: string | undefined;
}

/** How the server answers the end of a message; `undefined`: never. */
export type Answer = (password: string) => { code: number; text: string } | undefined;

interface Kept {
  file: string;
  session: SMTPServerSession;
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/** A failed reply as smtp-server takes it. */
export const smtpError = (code: number, text: string): Error =>
  Object.assign(new Error(text), { responseCode: code });

/** SMTP servers that keep what they get: one with TLS from the start, one with STARTTLS, one in the clear. */
export class EmailHarness implements ProtocolHarness {
  readonly protocol = 'EMAIL';
  readonly notApplicable = {};
  readonly certificates: Certificates = makeCertificates(RECEIVER_NAME);
  /** Ports by the security that they speak; the clear one offers neither STARTTLS nor a login. */
  readonly ports = { tls: 0, starttls: 0, none: 0 };
  /** Decides on recipients; an error refuses one. */
  recipient: (address: string) => Error | undefined = () => undefined;
  /** How a wrong access token is refused: by a challenge first (as Google does), or at once. */
  challenges = true;
  /** Access tokens that are let in. */
  readonly accessTokens = new Set([ACCESS_TOKEN]);
  private readonly servers: Partial<Record<keyof EmailHarness['ports'], SMTPServer>> = {};
  private silentServer: Server | undefined;
  private folder = '';
  private answer: Answer = behaviours.accept;
  private kept: Kept[] = [];
  private readonly sockets = new Set<Socket>();
  private waiting: (() => void)[] = [];
  private opened = 0;
  private files = 0;

  async start(): Promise<void> {
    this.folder = await temporaryDirectory('mail');
    for (const kind of ['tls', 'starttls', 'none'] as const) await this.listen(kind);
    this.silentServer = createTcpServer((socket) => this.remember(socket)).listen(0, '127.0.0.1');
    await once(this.silentServer, 'listening');
  }

  async stop(): Promise<void> {
    for (const kind of ['tls', 'starttls', 'none'] as const) await this.shut(kind);
    await new Promise<void>((resolve) => void this.silentServer?.close(() => resolve()));
    await rm(this.folder, { recursive: true, force: true });
  }

  behave(behaviour: Behaviour): void {
    this.answer = behaviours[behaviour];
    this.recipient = () => undefined;
  }

  /** For the cases of SMTP's own. */
  answerBy(answer: Answer): void {
    this.answer = answer;
  }

  disappear(): Promise<void> {
    return this.shut('tls');
  }

  comeBack(): Promise<void> {
    return this.listen('tls');
  }

  /** Ends every connection; new ones are welcome. */
  drop(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  received(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  async arrivals(): Promise<EmailArrival[]> {
    return Promise.all(this.kept.splice(0).map(describe));
  }

  /** A receiver that knows repeats by Message-ID. */
  async effects(): Promise<number> {
    return new Set((await this.arrivals()).map(({ id }) => id)).size;
  }

  connections(): number {
    return this.opened;
  }

  good(): JsonObject {
    return this.withHost(RECEIVER_NAME);
  }

  withHost(host: string): JsonObject {
    return this.with({ host });
  }

  /** The good configuration with other fields. */
  with(more: JsonObject): JsonObject {
    return {
      host: RECEIVER_NAME,
      port: this.ports.tls,
      security: 'tls',
      tls: { ca: this.certificates.ca },
      credentials: { username: USERNAME, password: PASSWORD },
      from: 'Distributor <no-reply@sender.test>',
      to: ['archive@receiver.test'],
      subject: 'Named: {payload.name}',
      text: 'See the attachment.',
      attachment: {},
      ...more,
    };
  }

  silent(): JsonObject {
    const port = this.silentServer === undefined ? 0 : portOf(this.silentServer);
    return this.with({ port, connect_timeout_seconds: 0.3 });
  }

  wrongCredentials(): JsonObject {
    return this.with({ credentials: { username: USERNAME, password: WRONG_PASSWORD } });
  }

  untrusted(): JsonObject {
    return this.with({ tls: {} });
  }

  templated(): JsonObject {
    return this.with({
      text: 'Text: {payload.name}',
      html: '<p title="{payload.name}">{payload.name}</p>',
      headers: { 'X-Name': '{payload.name}' },
    });
  }

  faulty(): { configuration: JsonObject; field: string; issue: string }[] {
    const faulty = (
      field: string,
      issue: string,
      more: JsonObject,
    ): ReturnType<EmailHarness['faulty']>[number] => ({
      configuration: this.with(more),
      field: `configuration.${field}`,
      issue,
    });
    return [
      { configuration: {}, field: 'configuration.host', issue: 'is required; add it' },
      faulty('host', 'must not have placeholders', { host: '{payload.host}' }),
      faulty('port', 'must be <= 65535', { port: 70_000 }),
      faulty('security', 'must be one of: tls, starttls', { security: 'ssl' }),
      faulty('credentials.password', 'give exactly one of them', { credentials: { username: 'a' } }),
      faulty('credentials', 'in the clear', { security: 'opportunistic' }),
      faulty('tls.ca', 'is not a PEM certificate', { tls: { ca: '/etc/ca.pem' } }),
      faulty('from', 'must be one address', { from: 'nobody' }),
      faulty('to[1]', 'must be one address', { to: ['a@b.test', 'c@d.test, e@f.test'] }),
      faulty('to', 'must NOT have fewer than 1 items', { to: [] }),
      faulty('cc', 'must be one address', { cc: 'a@b.test\r\nBcc: c@d.test' }),
      faulty('bcc[0]', 'unknown placeholder {oops}', { bcc: ['{oops}'] }),
      faulty('subject', 'must not contain line breaks', { subject: 'a\r\nBcc: c@d.test' }),
      faulty('html', 'write {{ and }} for braces', { html: '<style>p { color: red }</style>' }),
      faulty('attachment.filename', 'without folders', { attachment: { filename: '../job.json' } }),
      faulty('attachment.format', 'must be one of: as_is, json, csv, xml', { attachment: { format: 'pdf' } }),
      faulty('headers.Message-ID', 'has a field of its own', { headers: { 'Message-ID': '<x@y>' } }),
      faulty('headers.a b', 'not a valid name', { headers: { 'a b': 'x' } }),
      faulty('headers.X-A', 'must not contain line breaks', { headers: { 'X-A': 'a\nBcc: c@d.test' } }),
      faulty('dkim.private_key', 'is not a PEM private key', {
        dkim: { domain: 'sender.test', selector: 's1', private_key: 'x' },
      }),
      faulty('sbject', 'is not a known property', { sbject: 'x' }),
    ];
  }

  secrets(): string[] {
    return [PASSWORD, WRONG_PASSWORD];
  }

  private async listen(kind: keyof EmailHarness['ports']): Promise<void> {
    const server = new SMTPServer({ ...this.options(kind), ...this.handlers() });
    server.on('error', () => undefined);
    server.server.on('connection', (socket: Socket) => this.remember(socket));
    this.servers[kind] = server;
    await new Promise<void>((resolve) => void server.listen(this.ports[kind], '127.0.0.1', resolve));
    this.ports[kind] = portOf(server.server);
  }

  private options(kind: keyof EmailHarness['ports']): SMTPServerOptions {
    const common = {
      disableReverseLookup: true,
      logger: false,
      closeTimeout: 1,
      authMethods: ['PLAIN', 'LOGIN', 'XOAUTH2'],
    };
    if (kind === 'none') return { ...common, disabledCommands: ['STARTTLS', 'AUTH'] };
    const { ca, server } = this.certificates;
    return { ...common, ...server, ca, requestCert: true, rejectUnauthorized: false, secure: kind === 'tls' };
  }

  private handlers(): SMTPServerOptions {
    return {
      onAuth: (auth, _session, callback) => {
        const secret = auth.password ?? auth.accessToken ?? '';
        if (this.isKnown(auth)) callback(null, { user: auth.username });
        else if (auth.accessToken !== undefined && this.challenges)
          callback(null, { data: { status: '401', secret } });
        else callback(smtpError(535, `unknown: ${auth.username} ${secret}`));
      },
      onRcptTo: ({ address }, _session, callback) => callback(this.recipient(address)),
      onData: (stream, session, callback) => {
        this.keep(stream, session).then(
          () => this.reply(callback),
          (error: Error) => callback(error),
        );
      },
    };
  }

  private isKnown({ username, password, accessToken }: SMTPServerAuthentication): boolean {
    return username === USERNAME && (password === PASSWORD || this.accessTokens.has(accessToken ?? ''));
  }

  /** To a file: the test measures how much memory the sending side takes. */
  private async keep(stream: SMTPServerDataStream, session: SMTPServerSession): Promise<void> {
    const file = join(this.folder, `${++this.files}.eml`);
    await once(stream.pipe(createWriteStream(file)), 'finish');
    this.kept.push({ file, session: { ...session, envelope: structuredClone(session.envelope) } });
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  private reply(callback: (error?: Error | null, message?: string) => void): void {
    const answer = this.answer(PASSWORD);
    if (answer === undefined) return;
    if (answer.code < 300) callback(null, answer.text);
    else callback(smtpError(answer.code, answer.text));
  }

  private async shut(kind: keyof EmailHarness['ports']): Promise<void> {
    const server = this.servers[kind];
    if (server === undefined) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    this.drop();
    await closed;
    delete this.servers[kind];
  }

  private remember(socket: Socket): void {
    this.opened++;
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
  }
}

const behaviours: Record<Behaviour, Answer> = {
  accept: () => ({ code: 250, text: 'thank you' }),
  'fail-for-now': (password) => ({ code: 451, text: `not now, ${password}` }),
  refuse: (password) => ({ code: 550, text: `never, ${password}` }),
  'never-answer': () => undefined,
  echo: (password) => ({ code: 250, text: `logged in with ${password}` }),
};

async function describe({ file, session }: Kept): Promise<EmailArrival> {
  const raw = await readFile(file);
  const mail = await PostalMime.parse(raw, { attachmentEncoding: 'arraybuffer' });
  const attached = mail.attachments[0]?.content;
  const content = Buffer.from((attached ?? mail.text ?? '') as ArrayBuffer | string as string);
  const { mailFrom, rcptTo } = session.envelope;
  return {
    id: /^<([^@>]*)@/.exec(mail.messageId ?? '')?.[1] ?? '',
    name: nameIn(mail),
    bytes: content.length,
    sha256: sha256(content),
    mail,
    raw,
    envelope: { from: mailFrom === false ? '' : mailFrom.address, to: rcptTo.map(({ address }) => address) },
    secure: session.secure,
    user: session.user as string | undefined,
  };
}

/** The name has arrived in the subject and wherever else the template has it; else no test takes it for right. */
function nameIn(mail: Email): string | undefined {
  const [, name] = /^Named: ?(.*)$/s.exec(mail.subject ?? '') ?? [];
  const header = mail.headers.find(({ key }) => key === 'x-name')?.value;
  if (name === undefined || header === undefined) return name;
  const text = /^Text: ?(.*?)\n?$/s.exec(mail.text ?? '')?.[1];
  return text === name ? name : `subject ${name}, text ${String(text)}`;
}
