import { type PutObjectCommandInput } from '@aws-sdk/client-s3';
import { type Issue } from '../../kernel/errors';
import { escapeName, pathIssue } from '../object-name';
import { type Delivery } from '../port';
import { escapeHeader, type Escape, parseTemplate, type Template } from '../template';
import { type S3Configuration } from './schema';

/** What an object is made from, compiled once for each destination. */
export interface ObjectTemplates {
  bucket: Template;
  key: Template;
  metadata: [string, Template][];
  tags: [string, Template][];
}

export type ParsedObject = { templates: ObjectTemplates; issues: Issue[] };

export type RenderedObject = { ok: true; input: PutObjectCommandInput } | { ok: false; issue: string };

/** In metadata, so that a repeat is recognised even where the key is not the delivery's id. */
export const DELIVERY_ID = 'delivery-id';

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/** A bucket becomes part of a host name: only what cannot lead to another host. */
const escapeBucket: Escape = (value) => (/^[a-z0-9.-]+$/.test(value) ? value : undefined);

/** The receiver takes letters of any script in tags, but few signs. */
const escapeTag: Escape = (value) => value.replace(/[^\p{L}\p{Z}\p{N}_.:/=+\-@]/gu, '_').slice(0, 256);

const NOTHING: Template = { constant: '', render: () => ({ ok: true, value: '' }) };

/** Issues name each field. */
export function parseObject(configuration: S3Configuration): ParsedObject {
  const issues: Issue[] = [];
  const compile = (field: string, text: string, escape: Escape): Template => {
    const parsed = parseTemplate(text, escape);
    if (parsed.ok) return parsed.template;
    issues.push({ field: `configuration.${field}`, issue: parsed.issue });
    return NOTHING;
  };
  const all = (field: string, texts: Record<string, string> = {}, escape: Escape): [string, Template][] =>
    Object.entries(texts).map(([name, text]) => [name, compile(`${field}.${name}`, text, escape)]);
  const templates = {
    bucket: compile('bucket', configuration.bucket, escapeBucket),
    key: compile('key', keyOf(configuration), escapeName),
    metadata: all('metadata', configuration.metadata, escapeHeader),
    tags: all('tags', configuration.tags, escapeTag),
  };
  issues.push(...constantIssues(configuration, templates));
  return { templates, issues };
}

const keyOf = ({ key, batch }: S3Configuration): string =>
  key ?? (batch === undefined ? '{delivery_id}' : '{date:yyyy/MM/dd}/');

function constantIssues(configuration: S3Configuration, templates: ObjectTemplates): Issue[] {
  const issues: Issue[] = [];
  const { bucket, key } = templates;
  if (bucket.constant !== undefined && bucket !== NOTHING && !BUCKET.test(bucket.constant)) {
    const issue = "is no name of a bucket: 3 to 63 lower-case letters, digits, '.' and '-'";
    issues.push({ field: 'configuration.bucket', issue });
  }
  const issue = keyIssue(key.constant ?? keyOf(configuration));
  if (issue !== undefined) issues.push({ field: 'configuration.key', issue });
  if (
    configuration.batch !== undefined &&
    /\{(delivery_id|distribution_id)\}/.test(configuration.key ?? '')
  ) {
    const issue =
      'must not name a single delivery where batch is set; the end of the name is made of all of them';
    issues.push({ field: 'configuration.key', issue });
  }
  for (const [name, text] of Object.entries(configuration.metadata ?? {})) {
    const field = `configuration.metadata.${name}`;
    if (name.toLowerCase() === DELIVERY_ID) issues.push({ field, issue: 'is set by the service; remove it' });
    else if (/[^\x20-\x7e]/.test(text)) issues.push({ field, issue: 'must be printable ASCII' });
  }
  return issues;
}

function keyIssue(key: string): string | undefined {
  if (key.startsWith('/')) return 'must not begin with a slash';
  if (Buffer.byteLength(key) > 1024) return 'is longer than 1024 bytes';

  if (/[\x00-\x1f\x7f]/.test(key)) return 'must not contain control characters';
  return pathIssue(key);
}

/** Everything of the upload but the body. */
export function renderObject(
  templates: ObjectTemplates,
  configuration: S3Configuration,
  delivery: Delivery,
): RenderedObject {
  const bucket = templates.bucket.render(delivery);
  if (!bucket.ok) return { ok: false, issue: `bucket: ${bucket.issue}` };
  if (!BUCKET.test(bucket.value))
    return { ok: false, issue: 'bucket: the rendered name is no name of a bucket' };
  const key = templates.key.render(delivery);
  if (!key.ok) return { ok: false, issue: `key: ${key.issue}` };
  const issue = keyIssue(key.value);
  if (issue !== undefined) return { ok: false, issue: `key: the rendered name ${issue}` };
  const metadata = renderAll('metadata', templates.metadata, delivery);
  if (typeof metadata === 'string') return { ok: false, issue: metadata };
  const tags = renderAll('tags', templates.tags, delivery);
  if (typeof tags === 'string') return { ok: false, issue: tags };
  return {
    ok: true,
    input: {
      Bucket: bucket.value,
      Key: key.value,
      Metadata: { ...Object.fromEntries(metadata), [DELIVERY_ID]: delivery.deliveryId },
      ...(tags.length === 0 ? {} : { Tagging: new URLSearchParams(tags).toString() }),
      ...properties(configuration, delivery),
    },
  };
}

function renderAll(
  field: string,
  templates: readonly [string, Template][],
  delivery: Delivery,
): [string, string][] | string {
  const all: [string, string][] = [];
  for (const [name, template] of templates) {
    const rendered = template.render(delivery);
    if (!rendered.ok) return `${field}.${name}: ${rendered.issue}`;
    all.push([name, rendered.value]);
  }
  return all;
}

function properties(configuration: S3Configuration, delivery: Delivery): Partial<PutObjectCommandInput> {
  const { content_type, storage_class, encryption, kms_key_id, if_none_match } = configuration;
  return {
    ContentType: content_type ?? delivery.contentType,
    ...(delivery.contentEncoding === undefined ? {} : { ContentEncoding: delivery.contentEncoding }),
    ...(storage_class === undefined
      ? {}
      : { StorageClass: storage_class as NonNullable<PutObjectCommandInput['StorageClass']> }),
    ...(encryption === undefined ? {} : { ServerSideEncryption: encryption }),
    ...(kms_key_id === undefined ? {} : { SSEKMSKeyId: kms_key_id }),
    ...(if_none_match === true || if_none_match === '*' ? { IfNoneMatch: '*' } : {}),
  };
}
