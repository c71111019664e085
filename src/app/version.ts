import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const find = (directory: string): string =>
  existsSync(join(directory, 'package.json')) ? directory : find(join(directory, '..'));

/** The directory of the package. */
export const ROOT = find(__dirname);

/** Of the package; what receivers see in `user-agent` and operators in /health. */
export const VERSION: string = (
  JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
).version;
