import { type NodemailerError, type SendMailOptions, type SMTPPoolSentMessageInfo } from 'nodemailer';
import { Capture } from '../capture';
import { endedBy, untilEnded } from '../ended-by';
import { CLOSED, failed, type Failure, unwritable } from '../failure';
import { guardedAgents } from '../network-connect';
import { networkFault } from '../network-faults';
import { type NetworkGuard } from '../network-guard';
import { type OAuth2Configuration, TokenSource } from '../oauth2-tokens';
import { type CapturedResponse, type Delivery, type Health, type Outcome, type Sender } from '../port';
import { DEFAULT_RESPONSE_BYTES } from '../schema-parts';
import { secretTexts } from '../secrets';
import { UnderWay } from '../under-way';
import { isUnsent, mailFailure } from './classify';
import { configurationIssues } from './issues';
import { compileMail, type MailTemplate } from './message';
import { type EmailConfiguration, emailSchema } from './schema';
import { type MailTransport, openTransport, portOf, securityOf, verify } from './transport';

export interface EmailOptions {
  guard: NetworkGuard;
  /** Milliseconds since the epoch. */
  now: () => number;
}

/** Deliveries by e-mail through one server, over a pool of kept connections. */
export class EmailSender implements Sender {
  private readonly template: MailTemplate;
  private readonly transport: MailTransport;
  private readonly tokens: TokenSource | undefined;
  private readonly capture: Capture;
  private readonly where: string;
  private readonly underWay = new UnderWay();

  /** Opens nothing yet. The configuration has passed `parse`, its references are resolved; throws otherwise. */
  constructor(
    private readonly configuration: EmailConfiguration,
    private readonly options: EmailOptions,
  ) {
    const [issue] = configurationIssues(configuration, options.guard);
    if (issue !== undefined) throw new Error(`${issue.field} ${issue.issue}`);
    this.template = compileMail(configuration).template;
    const oauth2 = configuration.credentials?.oauth2;
    this.tokens = oauth2 && openTokens(oauth2, options);
    this.transport = openTransport(configuration, options.guard, this.tokens);
    const secrets = secretTexts(configuration, emailSchema);
    this.capture = new Capture(
      DEFAULT_RESPONSE_BYTES,
      withLogins(secrets, configuration.credentials?.username),
    );
    this.where = `smtp ${configuration.host}:${portOf(configuration)} (${securityOf(configuration)})`;
  }

  deliver(delivery: Delivery, signal: AbortSignal): Promise<Outcome> {
    return this.underWay.track(this.attempt(delivery, signal));
  }

  /** A fresh connection, encrypted and logged in as for a delivery, and a good-bye. */
  async checkHealth(signal: AbortSignal): Promise<Health> {
    const started = performance.now();
    const latency = (): number => Math.round(performance.now() - started);
    try {
      await verify(this.configuration, this.options.guard, this.tokens, signal);
      return { status: 'healthy', latencyMs: latency(), message: 'The server answers and lets us in.' };
    } catch (error) {
      const { code, message } = this.failureOf(error as Error, signal);
      return { status: 'unhealthy', latencyMs: latency(), code, message };
    }
  }

  /** Waits for the deliveries under way, which end by their own signals. */
  close(): Promise<void> {
    return this.underWay.close(() => this.transport.close({ force: true }));
  }

  private async attempt(delivery: Delivery, signal: AbortSignal): Promise<Outcome> {
    if (this.underWay.isClosing) return failed(CLOSED);
    const prepared = this.template.render(delivery);
    if (!prepared.ok) return failed(unwritable(prepared.issue));
    if (signal.aborted) return failed(networkFault(endedBy(signal)));
    try {
      return this.accepted(await untilEnded(this.send(prepared.mail, delivery, signal), signal), delivery);
    } catch (error) {
      return this.refused(error as NodemailerError, delivery, signal);
    }
  }

  /** Once more, with nothing sent before: a kept connection was closed, or a token has become stale. */
  private async send(
    mail: SendMailOptions,
    delivery: Delivery,
    signal: AbortSignal,
  ): Promise<SMTPPoolSentMessageInfo> {
    try {
      return await this.transport.sendMail({ ...mail, signal });
    } catch (error) {
      if (signal.aborted || !this.mayRepeat(error as NodemailerError)) throw error;
      const again = this.template.render(delivery);
      if (!again.ok) throw error;
      return this.transport.sendMail({ ...again.mail, signal });
    }
  }

  private mayRepeat(error: NodemailerError): boolean {
    if (isUnsent(error)) return true;
    const isLogin = error.code === 'EAUTH' && error.responseCode !== undefined;
    if (isLogin) this.tokens?.forget();
    return isLogin && this.tokens !== undefined;
  }

  /** Delivered for all who were accepted: trying again would send them the message twice. */
  private accepted(info: SMTPPoolSentMessageInfo, delivery: Delivery): Outcome {
    const rejections = (info.rejectedErrors ?? []).map((error) => error.message);
    const body = this.text([info.response, ...rejections].join('\n'), delivery);
    const response: CapturedResponse = { statusCode: Number(/^\d{3}/.exec(info.response)?.[0] ?? 250), body };
    const bytesSent = info.messageSize ?? delivery.body.length;
    if (rejections.length === 0) return { kind: 'delivered', response, bytesSent, log: [] };
    const all = info.accepted.length + info.rejected.length;
    const who = this.text(rejections.join('; '), delivery) ?? '';
    const message = `${this.where}: ${info.accepted.length} of ${all} recipients accepted; ${who}`;
    return { kind: 'delivered', response, bytesSent, log: [{ level: 'warn', message }] };
  }

  private refused(error: NodemailerError, delivery: Delivery, signal: AbortSignal): Outcome {
    const failure = this.failureOf(error, signal);
    const { responseCode, response: words, command } = error;
    const response =
      responseCode === undefined
        ? undefined
        : { statusCode: responseCode, body: this.text(words ?? '', delivery) };
    // The message itself has gone out when the server answers its end.
    const bytesSent = command === 'DATA' ? delivery.body.length : 0;
    const detail = this.text(error.message, delivery) ?? '';
    const message = `${this.where}: ${failure.code}: ${detail}`;
    return failed(failure, { response, bytesSent, log: [{ level: 'warn', message }] });
  }

  private failureOf(error: Error, signal: AbortSignal): Failure {
    return signal.aborted ? networkFault(endedBy(signal)) : mailFailure(error);
  }

  private text(words: string, delivery: Delivery): string | undefined {
    const token = this.tokens?.current;
    const more = token === undefined ? delivery.signingSecrets : [...delivery.signingSecrets, token];
    return this.capture.text(Buffer.from(words), more);
  }
}

const openTokens = (oauth2: OAuth2Configuration, { guard, now }: EmailOptions): TokenSource =>
  new TokenSource(
    { ...oauth2, client_authentication: 'body' },
    { field: 'credentials.oauth2', agents: guardedAgents(guard), now },
  );

/** A server may echo what the login looks like on the wire: AUTH PLAIN and AUTH LOGIN (RFC 4616). */
function withLogins(secrets: readonly string[], username = ''): string[] {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return secrets.flatMap((secret) => [secret, base64(secret), base64(`\0${username}\0${secret}`)]);
}
