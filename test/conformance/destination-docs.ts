import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type JsonObject } from '../../src/kernel/json';
import { createAdapters } from '../../src/adapters/registry';
import { type Protocol } from '../../src/adapters/port';
import { lenientGuard } from './harness';

/** What the page of a protocol shows as examples: its fenced blocks that are marked as JSON of that protocol. */
export function examplesOf(protocol: Protocol): JsonObject[] {
  const name = protocol.toLowerCase();
  const page = readFileSync(join(__dirname, '..', '..', 'docs', 'destinations', `${name}.md`), 'utf8');
  const blocks = page.matchAll(new RegExp('```json ' + name + '\\n(.*?)```', 'gs'));
  return [...blocks].map(([, text]) => JSON.parse(text ?? '') as JsonObject);
}

/** Options of the schema that the page does not mention; nested ones by their own names. */
export function undocumentedOptions(protocol: Protocol): string[] {
  const name = protocol.toLowerCase();
  const page = readFileSync(join(__dirname, '..', '..', 'docs', 'destinations', `${name}.md`), 'utf8');
  const schema =
    createAdapters({ guard: lenientGuard(), version: '1' }).get(protocol)?.configurationSchema ?? {};
  return optionsOf(schema).filter((option) => !new RegExp(`[\`.]${option}[\`.]`).test(page));
}

function optionsOf(schema: JsonObject): string[] {
  const properties = (schema['properties'] ?? {}) as Record<string, JsonObject>;
  return Object.entries(properties).flatMap(([name, child]) =>
    child['x-secret'] === true || name === 'retry_policy' ? [name] : [name, ...optionsOf(child)],
  );
}
