import { type Options } from 'amqplib';
import { type Issue } from '../../kernel/errors';
import { type Delivery } from '../port';
import { sign } from '../signature';
import { type Escape, parseTemplate, type Rendered, type Template } from '../template';
import { type AmqpConfiguration, type DeliveryMode, type PropertiesConfiguration } from './schema';

/** One message as the library takes it. */
export interface Message {
  exchange: string;
  routingKey: string;
  body: Buffer;
  options: Options.Publish;
}

export type PreparedMessage = { ok: true; message: Message } | { ok: false; issue: string };

/** A configuration's message with everything worked out that does not depend on the delivery. */
export interface MessageTemplate {
  /** Set when all deliveries go to the same exchange. */
  readonly exchange: string | undefined;
  render(delivery: Delivery, now: number): PreparedMessage;
}

/** Headers that say whose delivery it is or prove it, and CC/BCC, by which the broker adds receivers. */
const RESERVED =
  /^(webhook-.*|x-zenia-signature|x-tenant-id|x-correlation-id|x-distribution-.*|traceparent|cc|bcc|__proto__)$/i;

/** AMQP 0-9-1, 4.2.5.3: a short string has one byte for its length. */
const SHORT_BYTES = 255;

/**
 * A value stays one word of a routing key, or one part of an exchange's name: what separates words (`.`), what
 * patterns give a meaning (`*`, `#`) and control characters are percent-encoded, and the percent sign too. An
 * empty value is refused: alone it would name the default exchange.
 */
const escapeWord: Escape = (value) => (value === '' ? undefined : value.replace(/[\x00-\x20\x7f%.*#]/g, hex));

const hex = (character: string): string =>
  `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;

/** Headers and properties carry any text. */
const asItIs: Escape = (value) => value;

const TEXTS = [
  'content_type',
  'content_encoding',
  'correlation_id',
  'reply_to',
  'type',
  'user_id',
  'app_id',
] as const;
type TextProperty = (typeof TEXTS)[number];

const OPTION_OF: Readonly<Record<TextProperty, keyof Options.Publish>> = {
  content_type: 'contentType',
  content_encoding: 'contentEncoding',
  correlation_id: 'correlationId',
  reply_to: 'replyTo',
  type: 'type',
  user_id: 'userId',
  app_id: 'appId',
};

interface Named {
  name: string;
  value: Template;
}

/** Compiles a configuration; issues name each field. */
export function compileMessage(configuration: AmqpConfiguration): {
  template: MessageTemplate;
  issues: Issue[];
} {
  const issues: Issue[] = [];
  const compile = (text: string, escape: Escape, field: string): Template => {
    const parsed = parseTemplate(text, escape);
    const issue = parsed.ok ? tooLong(parsed.template, field) : parsed.issue;
    if (issue !== undefined) issues.push({ field: `configuration.${field}`, issue });
    return parsed.ok ? parsed.template : { constant: '', render: () => ({ ok: true, value: '' }) };
  };
  const exchange = compile(configuration.exchange ?? '', escapeWord, 'exchange');
  const routingKey = compile(configuration.routing_key ?? '', escapeWord, 'routing_key');
  if (exchange.constant === '' && routingKey.constant === '' && issues.length === 0) {
    const issue = 'is required for the default exchange; give the name of a queue, or an exchange';
    issues.push({ field: 'configuration.routing_key', issue });
  }
  const given = configuration.properties ?? {};
  const properties = TEXTS.flatMap((name): Named[] => {
    const text = given[name];
    return text === undefined ? [] : [{ name, value: compile(text, asItIs, `properties.${name}`) }];
  });
  const { constant, templated } = compileHeaders(configuration, compile, issues);
  const render = renderer({
    exchange,
    routingKey,
    properties,
    constant,
    templated,
    fixed: fixedOptions(configuration),
  });
  return { template: { exchange: exchange.constant, render }, issues };
}

const isShort = (text: string): boolean => Buffer.byteLength(text) <= SHORT_BYTES;

/** Headers hold long strings; everything else that is compiled here is a short one. */
const tooLong = (template: Template, field: string): string | undefined =>
  template.constant === undefined || field.startsWith('headers.') || isShort(template.constant)
    ? undefined
    : `is longer than ${SHORT_BYTES} bytes, which is the most that AMQP takes here`;

interface CompiledHeaders {
  constant: [string, string | number | boolean][];
  templated: Named[];
}

function compileHeaders(
  { headers = {} }: AmqpConfiguration,
  compile: (text: string, escape: Escape, field: string) => Template,
  issues: Issue[],
): CompiledHeaders {
  const compiled: CompiledHeaders = { constant: [], templated: [] };
  for (const [name, value] of Object.entries(headers)) {
    const issue = headerIssue(name);
    if (issue !== undefined) issues.push({ field: `configuration.headers.${name}`, issue });
    else if (typeof value !== 'string') compiled.constant.push([name, value]);
    else compiled.templated.push({ name, value: compile(value, asItIs, `headers.${name}`) });
  }
  return compiled;
}

function headerIssue(name: string): string | undefined {
  if (name === '' || !isShort(name)) return `must have a name of 1 to ${SHORT_BYTES} bytes`;
  if (RESERVED.test(name))
    return 'is set by the service or read by the broker and cannot be configured; remove it';
  return undefined;
}

const isPersistent = (mode: DeliveryMode = 2): boolean => mode === 2 || mode === 'persistent';

function fixedOptions({ delivery_mode, mandatory, properties = {} }: AmqpConfiguration): Options.Publish {
  const { expiration, priority }: PropertiesConfiguration = properties;
  return {
    persistent: isPersistent(delivery_mode),
    mandatory: mandatory ?? true,
    ...(expiration === undefined ? {} : { expiration: String(expiration) }),
    ...(priority === undefined ? {} : { priority }),
  };
}

interface Parts {
  exchange: Template;
  routingKey: Template;
  properties: Named[];
  constant: CompiledHeaders['constant'];
  templated: Named[];
  fixed: Options.Publish;
}

function renderer(parts: Parts): MessageTemplate['render'] {
  return (delivery, now) => {
    const exchange = short(parts.exchange.render(delivery));
    if (!exchange.ok) return { ok: false, issue: `exchange: ${exchange.issue}` };
    const routingKey = short(parts.routingKey.render(delivery));
    if (!routingKey.ok) return { ok: false, issue: `routing_key: ${routingKey.issue}` };
    const options: Options.Publish = { ...defaultProperties(delivery), ...parts.fixed };
    for (const { name, value } of parts.properties) {
      const rendered = short(value.render(delivery));
      if (!rendered.ok) return { ok: false, issue: `properties.${name}: ${rendered.issue}` };
      Object.assign(options, { [OPTION_OF[name as TextProperty]]: rendered.value });
    }
    const headers = deliveryHeaders(delivery, now);
    for (const [name, value] of parts.constant) headers[name] = value;
    for (const { name, value } of parts.templated) {
      const rendered = value.render(delivery);
      if (!rendered.ok) return { ok: false, issue: `headers.${name}: ${rendered.issue}` };
      headers[name] = rendered.value;
    }
    options.headers = headers;
    const message = { exchange: exchange.value, routingKey: routingKey.value, body: delivery.body, options };
    return { ok: true, message };
  };
}

const short = (rendered: Rendered): Rendered =>
  !rendered.ok || isShort(rendered.value)
    ? rendered
    : { ok: false, issue: `with the job's values it is longer than ${SHORT_BYTES} bytes` };

/** `timestamp`: when the job was accepted, in seconds, so that a repeat is the same message. */
function defaultProperties(delivery: Delivery): Options.Publish {
  return {
    messageId: delivery.deliveryId,
    contentType: delivery.contentType,
    timestamp: Math.floor(delivery.acceptedAt.getTime() / 1000),
    appId: 'distributor',
    ...(delivery.contentEncoding === undefined ? {} : { contentEncoding: delivery.contentEncoding }),
    // Names from submitters may be longer than a property; the header below carries them whole.
    ...(isShort(delivery.correlationId) ? { correlationId: delivery.correlationId } : {}),
    ...(isShort(delivery.dataType) ? { type: delivery.dataType } : {}),
  };
}

/** What every message carries, signed like a webhook where there is a secret; `now` in milliseconds. */
function deliveryHeaders(delivery: Delivery, now: number): Record<string, string | number | boolean> {
  const timestamp = Math.floor(now / 1000);
  const signatures = sign(delivery.deliveryId, timestamp, delivery.body, delivery.signingSecrets);
  return {
    'x-tenant-id': delivery.tenantId,
    'x-correlation-id': delivery.correlationId,
    'x-distribution-id': delivery.distributionId,
    'x-distribution-attempt': delivery.attemptNumber,
    ...(delivery.traceparent === undefined ? {} : { traceparent: delivery.traceparent }),
    ...(signatures === undefined
      ? {}
      : {
          'webhook-id': delivery.deliveryId,
          'webhook-timestamp': String(timestamp),
          'webhook-signature': signatures.webhook,
          'x-zenia-signature': signatures.zenia,
        }),
  };
}
