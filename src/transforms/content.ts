import { type Issue } from '../kernel/errors';
import { isJsonObject, type Json, type JsonObject } from '../kernel/json';
import { type TenantId } from '../kernel/ids';
import { applyFilters } from './filters';
import {
  type Filters,
  parseChoice,
  type Parsed,
  parseFilters,
  parseTransformConfig,
  type Transform,
  type TransformChoice,
  type TransformConfig,
} from './transform';
import { type Transformer } from './transformer';
import { type Work } from './work';

/** Named transforms and data types' schemas of tenants. */
export interface TransformSource {
  byName(tenantId: TenantId, name: string): Promise<Transform | undefined>;
  schemaOf(tenantId: TenantId, dataType: string): Promise<JsonObject | null>;
}

export interface ContentParts {
  transformer: Pick<Transformer, 'run'>;
  transforms: TransformSource;
}

/** What a delivery carries. `payload` is for placeholders and row-wise protocols, and parsed only when asked for. */
export type Content =
  { ok: true; body: string; contentType: string; payload: () => JsonObject } | { ok: false; message: string };

/** One destination of a job, planned or claimed. */
export interface Addressed {
  tenant_id: TenantId;
  data_type: string;
  /** What the request or a rule says of the payload. */
  destination: { transform: Json; filters: Json };
}

/**
 * The stored payload as this destination is to get it: by delivery and, before anything is accepted, by explain.
 * Without transform and filters it is the stored text, untouched and unparsed.
 */
export async function contentOf(
  parts: ContentParts,
  claimed: Addressed,
  transformConfig: JsonObject | undefined,
  json: string,
): Promise<Content> {
  const { transform, filters } = claimed.destination;
  if (transform === null && filters === null && isEmpty(transformConfig)) return asItIs(json);
  const wanted = wantedBy(claimed, transformConfig ?? {});
  if (!wanted.ok) return { ok: false, message: wordsOf(wanted.issues) };
  const work = await workOf(parts, claimed, wanted.value);
  if ('message' in work) return { ok: false, message: work.message };
  if (work.transform === null && work.filters === null) return asItIs(json);
  const done = await parts.transformer.run(claimed.tenant_id, work, json);
  return done.ok ? { ...done, payload: () => payloadOf(work, json, done.body) } : done;
}

const asItIs = (json: string): Content => ({
  ok: true,
  body: json,
  contentType: 'application/json',
  payload: () => JSON.parse(json) as JsonObject,
});

/** What is delivered, where that is a JSON object; else what the transform was given. */
function payloadOf({ transform, filters, dataTypeSchema }: Work, json: string, body: string): JsonObject {
  const delivered = (transform?.output_format ?? 'json') === 'json' ? (JSON.parse(body) as Json) : null;
  if (isJsonObject(delivered)) return delivered;
  const given = JSON.parse(json) as JsonObject;
  return filters === null ? given : applyFilters(given, filters, dataTypeSchema);
}

interface Wanted {
  choice: TransformChoice | null;
  /** The most special ones first. */
  filters: (Filters | null)[];
}

/** Request or rule (both stand in the plan) before destination. */
function wantedBy({ destination }: Addressed, transformConfig: JsonObject): Parsed<Wanted> {
  const own = configOf(transformConfig);
  if (!own.ok) return own;
  const choice = destination.transform === null ? null : parseChoice(destination.transform);
  if (choice?.ok === false) return choice;
  const filters = destination.filters === null ? null : parseFilters(destination.filters);
  if (filters?.ok === false) return filters;
  return {
    ok: true,
    value: {
      choice: choice?.value ?? own.value.transform,
      filters: [filters?.value ?? null, own.value.filters],
    },
  };
}

/** A destination's configuration is the same object for all its deliveries until it changes. */
const configs = new WeakMap<JsonObject, Parsed<TransformConfig>>();

function configOf(transformConfig: JsonObject): Parsed<TransformConfig> {
  const parsed = configs.get(transformConfig) ?? parseTransformConfig(transformConfig);
  configs.set(transformConfig, parsed);
  return parsed;
}

async function workOf(
  { transforms }: ContentParts,
  { tenant_id, data_type }: Addressed,
  { choice, filters: [asked = null, configured = null] }: Wanted,
): Promise<Work | { message: string }> {
  const transform = await chosen(transforms, tenant_id, choice);
  if (transform === undefined) {
    const name = choice !== null && 'name' in choice ? choice.name : '';
    return { message: `no transform is called ${name}; create it (POST /api/v1/transforms) or name another` };
  }
  const filters = together([asked, transform?.filters ?? null, configured]);
  const needsSchema = filters?.exclude_sensitive_data === true;
  return {
    transform,
    filters,
    dataTypeSchema: needsSchema ? await transforms.schemaOf(tenant_id, data_type) : null,
  };
}

async function chosen(
  transforms: TransformSource,
  tenantId: TenantId,
  choice: TransformChoice | null,
): Promise<Transform | null | undefined> {
  return choice !== null && 'name' in choice ? transforms.byName(tenantId, choice.name) : choice;
}

/** The most special list of metrics wins; sensitive data stays out as soon as anybody says so. */
function together(all: (Filters | null)[]): Filters | null {
  const given = all.filter((filters) => filters !== null);
  if (given.length === 0) return null;
  return {
    include_metrics: given.find(({ include_metrics }) => include_metrics !== null)?.include_metrics ?? null,
    exclude_sensitive_data: given.some(({ exclude_sensitive_data }) => exclude_sensitive_data),
  };
}

const wordsOf = (issues: readonly Issue[]): string =>
  issues.map(({ field, issue }) => `${field} ${issue}`).join('; ');

const isEmpty = (config: JsonObject | undefined): boolean => {
  for (const _name in config) return false;
  return true;
};
