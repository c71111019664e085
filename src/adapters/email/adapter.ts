import { compileConfiguration } from '../configuration';
import { type Adapter } from '../port';
import { configurationIssues } from './issues';
import { type EmailConfiguration, emailSchema } from './schema';
import { type EmailOptions, EmailSender } from './sender';

/** E-mail by SMTP. */
export function createEmailAdapter(options: EmailOptions): Adapter<EmailConfiguration> {
  return {
    protocol: 'EMAIL',
    title: 'E-mail (SMTP)',
    configurationSchema: emailSchema,
    parse: compileConfiguration<EmailConfiguration>(emailSchema, (configuration) =>
      configurationIssues(configuration, options.guard),
    ),
    open: (configuration) => new EmailSender(configuration, options),
  };
}
