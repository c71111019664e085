import { compileConfiguration } from '../configuration';
import { type Adapter, type Parsed } from '../port';
import { configurationIssues } from './issues';
import { type EmailConfiguration, emailSchema } from './schema';
import { type EmailOptions, EmailSender } from './sender';

/** E-mail by SMTP. */
export function createEmailAdapter(options: EmailOptions): Adapter<EmailConfiguration> {
  const validate = compileConfiguration<EmailConfiguration>(emailSchema);
  return {
    protocol: 'EMAIL',
    title: 'E-mail (SMTP)',
    configurationSchema: emailSchema,
    parse: (configuration) => parse(configuration, validate, options),
    open: (configuration) => new EmailSender(configuration, options),
  };
}

function parse(
  configuration: unknown,
  validate: (configuration: unknown) => Parsed<EmailConfiguration>,
  { guard }: EmailOptions,
): Parsed<EmailConfiguration> {
  const parsed = validate(configuration);
  if (!parsed.ok) return parsed;
  const issues = configurationIssues(parsed.value, guard);
  return issues.length === 0 ? parsed : { ok: false, issues };
}
