import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const find = (directory: string): string => {
  try {
    return readFileSync(join(directory, 'package.json'), 'utf8');
  } catch {
    return find(join(directory, '..'));
  }
};

/** Of the package; what receivers see in `user-agent` and operators in /health. */
export const VERSION: string = (JSON.parse(find(__dirname)) as { version: string }).version;
