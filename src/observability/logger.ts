import { pino, type DestinationStream, type Logger } from 'pino';

export type { Logger };

/**
 * One line an event on standard output: JSON, or readable text for a terminal. Fields that could carry a secret
 * never leave.
 */
export function createLogger(level: string, format: 'json' | 'text', base: Record<string, unknown>): Logger {
  const options = {
    level,
    base,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: ['*.password', '*.secret', '*.token', '*.authorization', 'headers', '*.headers', '*.key_hash'],
  };
  return format === 'text' ? pino(options, textStream(Object.keys(base))) : pino(options);
}

const LEVELS: Record<string, string> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'WARN',
  50: 'ERROR',
  60: 'FATAL',
};

const textStream = (hidden: readonly string[]): DestinationStream => ({
  write(line: string): void {
    const { level, time, msg, err, ...rest } = JSON.parse(line) as Record<string, unknown>;
    const fields = Object.entries(rest).filter(([name]) => !hidden.includes(name));
    const details = fields.map(
      ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
    );
    const fault = (err as { stack?: string } | undefined)?.stack;
    const text = [String(time).slice(11, 23), LEVELS[String(level)] ?? String(level), msg, ...details].join(
      ' ',
    );
    process.stdout.write(`${text}\n${fault === undefined ? '' : `${fault}\n`}`);
  },
});
