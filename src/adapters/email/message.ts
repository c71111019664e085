import { Readable } from 'node:stream';
import { type SendMailOptions } from 'nodemailer';
import { type Issue } from '../../kernel/errors';
import { type Delivery } from '../port';
import { type Escape, parseTemplate, type Template } from '../template';
import { type Address, domainOf, parseAddress } from './address';
import { attachmentContent, fileEnding, ownContent } from './attachment';
import { type EmailConfiguration } from './schema';

export type PreparedMail = { ok: true; mail: SendMailOptions } | { ok: false; issue: string };

export interface MailTemplate {
  /** Good for one sending: a large attachment is a stream. */
  render(delivery: Delivery): PreparedMail;
}

const SLICE_BYTES = 49_152;

/** Headers that frame the message or say whose it is, and those that have fields of their own. */
const RESERVED =
  /^(from|to|cc|bcc|reply-to|sender|subject|date|message-id|mime-version|content-.*|received|return-path|dkim-signature|authentication-results|auto-submitted|x-tenant-id|x-correlation-id|x-distribution-.*|__proto__)$/i;

/** RFC 5322, 3.6.8: printable ASCII without the colon. */
const HEADER_NAME = /^[!-9;-~]{1,76}$/;

/** One line: a line break would begin a header of the job's own. */
const oneLine: Escape = (value) => (/\p{Cc}|\u2028|\u2029/u.test(value) ? undefined : value);

/** Inside an address nothing may stand that makes a second one, a name or a comment of it. */
const inAddress: Escape = (value) => (/[\p{Cc}"(),:;<>[\\\]]/u.test(value) ? undefined : value);

/** A file's name stays a name: no folders, nothing that a file system or a header takes for more. */
const inFilename: Escape = (value) =>
  value.replace(/[\p{Cc}%"*/:<>?\\|]/gu, (character) => encodeURIComponent(character).replace('*', '%2A'));

const inHtml: Escape = (value) => value.replace(/[&<>"'`=]/g, (character) => `&#${character.charCodeAt(0)};`);

const asItIs: Escape = (value) => value;

type Lists = Record<'to' | 'cc' | 'bcc' | 'reply_to', Template[]>;

interface Parts {
  configuration: EmailConfiguration;
  from: Template;
  lists: Lists;
  subject: Template;
  text: Template | undefined;
  html: Template | undefined;
  filename: Template | undefined;
  headers: [string, Template][];
}

/** Compiles a configuration; issues name each field. */
export function compileMail(configuration: EmailConfiguration): { template: MailTemplate; issues: Issue[] } {
  const issues: Issue[] = [];
  const compile = (text: string, escape: Escape, field: string): Template => {
    const parsed = parseTemplate(text, escape);
    const issue = !parsed.ok ? parsed.issue : literalIssue(parsed.template, escape);
    if (issue !== undefined) issues.push({ field: `configuration.${field}`, issue });
    return parsed.ok ? parsed.template : { constant: '', render: () => ({ ok: true, value: '' }) };
  };
  const optional = (text: string | undefined, escape: Escape, field: string): Template | undefined =>
    text === undefined ? undefined : compile(text, escape, field);
  const list = (name: keyof Lists): Template[] => {
    const given = configuration[name];
    if (typeof given === 'string') return [compile(given, inAddress, name)];
    return (given ?? []).map((one, index) => compile(one, inAddress, `${name}[${index}]`));
  };
  const parts: Parts = {
    configuration,
    from: compile(configuration.from, inAddress, 'from'),
    lists: { to: list('to'), cc: list('cc'), bcc: list('bcc'), reply_to: list('reply_to') },
    subject: compile(configuration.subject, oneLine, 'subject'),
    text: optional(configuration.text, asItIs, 'text'),
    html: optional(configuration.html, inHtml, 'html'),
    filename: optional(configuration.attachment?.filename, inFilename, 'attachment.filename'),
    headers: Object.entries(configuration.headers ?? {}).map(([name, value]) => {
      const issue = headerIssue(name);
      if (issue !== undefined) issues.push({ field: `configuration.headers.${name}`, issue });
      return [name, compile(value, oneLine, `headers.${name}`)];
    }),
  };
  return { template: { render: (delivery) => render(parts, delivery) }, issues };
}

/** What can be said of the author's own text before any job comes. */
function literalIssue({ constant }: Template, escape: Escape): string | undefined {
  if (constant === undefined) return undefined;
  if (escape === inAddress && parseAddress(constant) === undefined)
    return 'must be one address, as name@example.com or Name <name@example.com>';
  if (escape === oneLine && oneLine(constant) === undefined)
    return 'must not contain line breaks or control characters';
  if (escape === inFilename && !isFilename(constant)) return 'must be the name of a file, without folders';
  return undefined;
}

const isFilename = (name: string): boolean =>
  !/[\p{Cc}/\\]|^\.*$/u.test(name) && Buffer.byteLength(name) <= 255;

function headerIssue(name: string): string | undefined {
  if (!HEADER_NAME.test(name)) return 'is not a valid name for a header; use letters, digits and hyphens';
  if (RESERVED.test(name)) return 'is set by the service or has a field of its own; remove it';
  return undefined;
}

/** Ends a rendering from within: its message is for the outcome. */
class Unfit extends Error {}

function render(parts: Parts, delivery: Delivery): PreparedMail {
  try {
    return { ok: true, mail: mailOf(parts, delivery) };
  } catch (error) {
    if (error instanceof Unfit) return { ok: false, issue: error.message };
    throw error;
  }
}

function mailOf(parts: Parts, delivery: Delivery): SendMailOptions {
  const value = (template: Template, field: string): string => {
    const rendered = template.render(delivery);
    if (!rendered.ok) throw new Unfit(`${field}: ${rendered.issue}`);
    return rendered.value;
  };
  const address = (template: Template, field: string): Address => {
    const parsed = parseAddress(value(template, field));
    if (parsed === undefined) throw new Unfit(`${field}: with the job's values it is not one address`);
    return parsed;
  };
  const list = (name: keyof Lists): Address[] => parts.lists[name].map((one) => address(one, name));
  const from = address(parts.from, 'from');
  const domain = parts.configuration.message_id_domain ?? domainOf(from);
  const subject = value(parts.subject, 'subject');
  if (oneLine(subject) === undefined) throw new Unfit('subject: it must not contain line breaks');
  return {
    from,
    to: list('to'),
    cc: list('cc'),
    bcc: list('bcc'),
    replyTo: list('reply_to'),
    subject,
    // The same for every attempt: mail servers and readers take a repeat for what it is.
    messageId: `<${delivery.deliveryId}@${domain}>`,
    headers: [
      ...deliveryHeaders(delivery),
      ...parts.headers.map(([name, template]) => ({ key: name, value: value(template, `headers.${name}`) })),
    ],
    ...bodyOf(parts, delivery, value),
  };
}

/** Text and HTML where configured, the attachment where configured; of none of them, the job as text. */
function bodyOf(
  { configuration, text, html, filename }: Parts,
  delivery: Delivery,
  value: (template: Template, field: string) => string,
): Pick<SendMailOptions, 'text' | 'html' | 'attachments'> {
  const { attachment } = configuration;
  if (attachment === undefined && text === undefined && html === undefined) {
    return { text: ownContent(delivery).bytes.toString() };
  }
  const body = {
    ...(text === undefined ? {} : { text: value(text, 'text') }),
    ...(html === undefined ? {} : { html: value(html, 'html') }),
  };
  if (attachment === undefined) return body;
  const { bytes, contentType } = attachmentContent(attachment, delivery);
  const name =
    filename === undefined
      ? `${inFilename(delivery.dataType)}-${inFilename(delivery.distributionId)}.${fileEnding(contentType)}`
      : value(filename, 'attachment.filename');
  if (!isFilename(name))
    throw new Unfit("attachment.filename: with the job's values it is no name of a file");
  const content = bytes.length > SLICE_BYTES ? Readable.from(slices(bytes)) : bytes;
  const attached = {
    filename: name,
    content,
    contentType,
    contentDisposition: 'attachment' as const,
    // Texts would have their line ends changed on the way.
    contentTransferEncoding: 'base64' as const,
  };
  return { ...body, attachments: [attached] };
}

/** The library encodes what it is given in one piece, several copies of it at once; slices keep that small. */
function* slices(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) yield bytes.subarray(at, at + SLICE_BYTES);
}

/** Whose delivery it is; and a machine's message, to which no machine should answer (RFC 3834). */
function deliveryHeaders(delivery: Delivery): { key: string; value: string }[] {
  const headers: [string, string][] = [
    ['Auto-Submitted', 'auto-generated'],
    ['X-Tenant-ID', delivery.tenantId],
    ['X-Correlation-ID', delivery.correlationId],
    ['X-Distribution-ID', delivery.distributionId],
    ['X-Distribution-Attempt', String(delivery.attemptNumber)],
  ];
  // Names from submitters may hold anything; a header may not.
  return headers.map(([key, text]) => ({ key, value: text.replace(/\p{Cc}/gu, ' ') }));
}
