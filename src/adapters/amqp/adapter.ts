import { compileConfiguration } from '../configuration';
import { type Adapter, type Parsed } from '../port';
import { parseEndpoint } from './endpoint';
import { compileMessage } from './message';
import { type AmqpConfiguration, amqpSchema } from './schema';
import { type AmqpOptions, AmqpSender } from './sender';

/** AMQP 0-9-1 brokers such as RabbitMQ. */
export function createAmqpAdapter(options: AmqpOptions): Adapter<AmqpConfiguration> {
  const validate = compileConfiguration<AmqpConfiguration>(amqpSchema);
  return {
    protocol: 'AMQP',
    title: 'AMQP 0-9-1 (RabbitMQ)',
    configurationSchema: amqpSchema,
    parse: (configuration) => parse(configuration, validate, options),
    open: (configuration) => new AmqpSender(configuration, options),
  };
}

function parse(
  configuration: unknown,
  validate: (configuration: unknown) => Parsed<AmqpConfiguration>,
  { guard }: AmqpOptions,
): Parsed<AmqpConfiguration> {
  const parsed = validate(configuration);
  if (!parsed.ok) return parsed;
  const issues = [
    ...parseEndpoint(parsed.value.connection, guard).issues,
    ...compileMessage(parsed.value).issues,
  ];
  return issues.length === 0 ? parsed : { ok: false, issues };
}
