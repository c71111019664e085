import { type Issue } from '../kernel/errors';
import { isJsonObject, type JsonObject } from '../kernel/json';
import { type TenantId } from '../kernel/ids';
import { destinationPlace } from '../kernel/places';
import { type SecretBox } from '../kernel/secret-box';
import { type Adapter, PROTOCOLS, type Protocol } from '../adapters/port';
import { mapSecrets } from '../adapters/secrets';
import { type RequestedDestination } from '../planning/plan';
import { type KnownDestination } from '../tenants/destination-catalogue';
import { overlay } from '../tenants/destination-configuration';
import { parseChoice, parseFilters } from '../transforms/transform';
import { type DestinationRequest, type Submission } from './submission';

export type Resolved = { ok: true; destinations: RequestedDestination[] } | { ok: false; issues: Issue[] };

interface Surroundings {
  tenantId: TenantId;
  known: ReadonlyMap<string, KnownDestination>;
  adapters: ReadonlyMap<Protocol, Adapter>;
  box: SecretBox;
}

/** What the submitter asked for -> destinations that can be delivered to, or every reason why not. */
export function resolveDestinations(submission: Submission, around: Surroundings): Resolved {
  const results = submission.destinations.map((request, index) =>
    resolveOne(request, `destinations[${index}]`, submission, around),
  );
  const issues = results.flatMap((result) => ('issues' in result ? result.issues : []));
  const names = submission.destinations.map(nameOf);
  names.forEach((name, index) => {
    if (names.indexOf(name) !== index) {
      issues.push({ field: `destinations[${index}]`, issue: `${name} is named twice; name it once` });
    }
  });
  if (issues.length > 0) return { ok: false, issues };
  return { ok: true, destinations: results.flatMap((result) => ('issues' in result ? [] : [result])) };
}

export const nameOf = (request: DestinationRequest): string =>
  typeof request === 'string' ? request : request.name;

type One = RequestedDestination | { issues: Issue[] };

function resolveOne(
  request: DestinationRequest,
  field: string,
  submission: Submission,
  around: Surroundings,
): One {
  const known = around.known.get(nameOf(request));
  const maxRetries = submission.options.max_retries;
  const attempts = maxRetries === undefined ? null : maxRetries + 1;
  if (typeof request === 'string') {
    if (known === undefined) return { issues: [{ field, issue: unknownName(request) }] };
    return { ...registered(known), maxAttempts: attempts };
  }
  return resolveInline(request, known, attempts, field, around);
}

const unknownName = (name: string): string =>
  `no destination is registered as "${name}"; register it (POST /api/v1/destinations/register) or describe it inline`;

export const registered = (known: KnownDestination): RequestedDestination => ({
  name: known.name,
  protocol: known.protocol,
  destinationId: known.id,
  inline: null,
  transform: null,
  filters: null,
  maxAttempts: null,
});

function resolveInline(
  request: Exclude<DestinationRequest, string>,
  known: KnownDestination | undefined,
  attempts: number | null,
  field: string,
  around: Surroundings,
): One {
  const { name, protocol = known?.protocol, transform, filters, ...fields } = request;
  const adapter = PROTOCOLS.includes(protocol as Protocol)
    ? around.adapters.get(protocol as Protocol)
    : undefined;
  if (adapter === undefined) {
    return {
      issues: [
        { field: `${field}.protocol`, issue: `must be one of ${[...around.adapters.keys()].join(', ')}` },
      ],
    };
  }
  const changed = known?.protocol === adapter.protocol ? known : undefined;
  const inline = fields as JsonObject;
  const schema = adapter.configurationSchema;
  const parsed = adapter.parse(overlay(unsealed(changed, schema, around), inline, schema));
  const issues = [
    ...(parsed.ok ? [] : parsed.issues.map((issue) => placed(issue, field))),
    ...contentIssues(transform, filters, field),
  ];
  if (issues.length > 0) return { issues };
  return {
    name,
    protocol: adapter.protocol,
    destinationId: changed?.id ?? null,
    inline: mapSecrets(inline, schema, (secret) =>
      around.box.seal(secret, destinationPlace(around.tenantId)),
    ),
    transform: transform ?? null,
    filters: filters ?? null,
    maxAttempts: inlineAttempts(inline) ?? attempts,
  };
}

/** The form of what is to be done with the payload; whether a named transform exists is seen at delivery. */
function contentIssues(transform: unknown, filters: unknown, field: string): Issue[] {
  const checks = [
    ...(transform === undefined ? [] : [parseChoice(transform, `${field}.transform`)]),
    ...(filters === undefined ? [] : [parseFilters(filters, `${field}.filters`)]),
  ];
  return checks.flatMap((check) => (check.ok ? [] : check.issues));
}

/** As the adapter is to check it: a sealed secret has another form than the one that its field asks for. */
const unsealed = (
  known: KnownDestination | undefined,
  schema: JsonObject,
  { box, tenantId }: Surroundings,
): JsonObject | undefined =>
  known && mapSecrets(known.configuration, schema, (secret) => box.open(secret, destinationPlace(tenantId)));

/** The adapter speaks of `configuration.x`; the submitter wrote `destinations[0].x`. */
const placed = ({ field, issue }: Issue, at: string): Issue => ({
  field: field.replace(/^configuration/, at),
  issue,
});

function inlineAttempts(inline: JsonObject): number | null {
  const policy = inline['retry_policy'];
  return isJsonObject(policy) && typeof policy['max_attempts'] === 'number' ? policy['max_attempts'] : null;
}
