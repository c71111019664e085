import { compileConfiguration } from '../configuration';
import { type Adapter } from '../port';
import { parseEndpoint } from './endpoint';
import { compileMessage } from './message';
import { type AmqpConfiguration, amqpSchema } from './schema';
import { type AmqpOptions, AmqpSender } from './sender';

/** AMQP 0-9-1 brokers such as RabbitMQ. */
export function createAmqpAdapter(options: AmqpOptions): Adapter<AmqpConfiguration> {
  return {
    protocol: 'AMQP',
    title: 'AMQP 0-9-1 (RabbitMQ)',
    configurationSchema: amqpSchema,
    parse: compileConfiguration<AmqpConfiguration>(amqpSchema, (configuration) => [
      ...parseEndpoint(configuration.connection, options.guard).issues,
      ...compileMessage(configuration).issues,
    ]),
    open: (configuration) => new AmqpSender(configuration, options),
  };
}
