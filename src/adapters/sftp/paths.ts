import { posix } from 'node:path';
import { type Issue } from '../../kernel/errors';
import { escapeName, pathIssue } from '../object-name';
import { type Delivery } from '../port';
import { parseTemplate, type Template } from '../template';
import { type SftpConfiguration } from './schema';

export interface PathTemplates {
  directory: Template;
  filename: Template;
}

/** Where one delivery goes. All names lie in `directory`. */
export interface Place {
  directory: string;
  filename: string;
  path: string;
  /** The name in case of `conflict: rename`: of this delivery alone, so that a repeat finds it. */
  alternative: string;
  /** Where the bytes are written before they are renamed; of this attempt alone. */
  temporary: string;
  /** What earlier attempts may have left behind. */
  leftovers: string[];
}

export type RenderedPlace = { ok: true; place: Place } | { ok: false; issue: string };

/** The limit of nearly every file system; room is kept for the endings of companion files. */
const MAX_NAME_BYTES = 255;
/** Attempts whose leftovers are looked for; earlier ones were cleaned by those in between. */
const LEFTOVERS = 10;

const HERE: Template = { constant: '.', render: () => ({ ok: true, value: '.' }) };

export function parsePaths(configuration: SftpConfiguration): { templates: PathTemplates; issues: Issue[] } {
  const issues: Issue[] = [];
  const compile = (field: 'directory' | 'filename', text: string): Template => {
    const parsed = parseTemplate(text, escapeName);
    const issue = parsed.ok ? textIssue(field, text) : parsed.issue;
    if (issue !== undefined) issues.push({ field: `configuration.${field}`, issue });
    return parsed.ok ? parsed.template : HERE;
  };
  const { directory, filename } = configuration;
  const templates = {
    directory: directory === undefined ? HERE : compile('directory', directory),
    filename: compile('filename', filename ?? '{delivery_id}'),
  };
  return { templates, issues };
}

function textIssue(field: 'directory' | 'filename', text: string): string | undefined {
  if (/[\x00-\x1f\x7f]/.test(text)) return 'must not contain control characters';
  if (field === 'filename' && text.includes('/')) return 'must not contain slashes; put them into directory';
  if (field === 'directory' && text === '.') return undefined;
  return pathIssue(text);
}

export function renderPlace(templates: PathTemplates, delivery: Delivery): RenderedPlace {
  const directory = templates.directory.render(delivery);
  if (!directory.ok) return { ok: false, issue: `directory: ${directory.issue}` };
  const filename = templates.filename.render(delivery);
  if (!filename.ok) return { ok: false, issue: `filename: ${filename.issue}` };
  const issue = renderedIssue(directory.value, filename.value);
  if (issue !== undefined) return { ok: false, issue };
  const at = (name: string): string => posix.join(directory.value, name);
  const part = (attempt: number): string => at(`.${delivery.deliveryId}.${attempt}.part`);
  const { name, ext } = posix.parse(filename.value);
  const first = Math.max(1, delivery.attemptNumber - LEFTOVERS);
  return {
    ok: true,
    place: {
      directory: directory.value,
      filename: filename.value,
      path: at(filename.value),
      alternative: at(`${name}-${delivery.deliveryId}${ext}`),
      temporary: part(delivery.attemptNumber),
      leftovers: Array.from({ length: delivery.attemptNumber - first }, (_, index) => part(first + index)),
    },
  };
}

/** The values are harmless one by one; this is for what they become together. */
function renderedIssue(directory: string, filename: string): string | undefined {
  const climbs = directory === '.' ? undefined : pathIssue(directory);
  if (climbs !== undefined) return `directory: the rendered path ${climbs}`;
  const issue = filename.includes('/') ? 'must not contain slashes' : pathIssue(filename);
  if (issue !== undefined) return `filename: the rendered name ${issue}`;
  return Buffer.byteLength(filename) > MAX_NAME_BYTES
    ? `filename: the rendered name is longer than ${MAX_NAME_BYTES} bytes`
    : undefined;
}
