import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type JsonObject } from '../../src/kernel/json';

/** The first example of `docs/destinations/<protocol>.md`, so that the tests run what the documentation shows. */
export function documentedExample(protocol: string): JsonObject {
  const page = readFileSync(join(__dirname, '..', '..', 'docs', 'destinations', `${protocol}.md`), 'utf8');
  const example = /```json\n([\s\S]*?)```/.exec(page)?.[1];
  if (example === undefined) throw new Error(`docs/destinations/${protocol}.md has no example`);
  return JSON.parse(example) as JsonObject;
}

/** The names in the first column of the page's table of options. */
export function documentedOptions(protocol: string): string[] {
  const page = readFileSync(join(__dirname, '..', '..', 'docs', 'destinations', `${protocol}.md`), 'utf8');
  const table = page.split('## Options')[1]?.split('\n## ')[0] ?? '';
  return [...table.matchAll(/^\| `(\w+)` +\|/gm)].map(([, name]) => name ?? '');
}
