import addFormats from 'ajv-formats';
import Ajv2020, { type ErrorObject } from 'ajv/dist/2020';
import { type Issue } from '../kernel/errors';
import { type JsonObject } from '../kernel/json';
import { type Parsed } from './port';
import { MASK, secretsIn } from './secrets';

/**
 * One compiler for the schemas of all adapters. Own keywords: `x-secret` (encrypted, masked), `x-env-for`
 * (names the environment variable of the sibling property that it stands for), `x-placeholders` (a template),
 * `x-address` (where deliveries or secrets go: who changes it inherits no secrets), `x-transport` (how the way there is
 * protected: a job that changes it inherits none either).
 */
const ajv = new Ajv2020({
  strict: true,
  allErrors: true,
  verbose: true,
  discriminator: true,
  allowUnionTypes: true,
  useDefaults: true,
  keywords: ['x-secret', 'x-env-for', 'x-placeholders', 'x-address', 'x-transport'],
});
addFormats(ajv);

/**
 * Compiles a schema once; the function it returns checks a configuration and gives a copy with the defaults
 * filled in. `check` says what a schema cannot. Throws when the schema itself is faulty. Issues name the field,
 * e.g. `configuration.auth.token_url`, and never show a value, which could be a secret.
 */
export function compileConfiguration<T>(
  schema: JsonObject,
  check: (configuration: T) => Issue[] = () => [],
): (configuration: unknown) => Parsed<T> {
  const validate = ajv.compile<T>(schema);
  return (configuration) => {
    const copy: unknown = structuredClone(configuration);
    if (!validate(copy)) return { ok: false, issues: issuesOf(validate.errors ?? []) };
    const masked = secretsIn(copy as JsonObject, schema).filter(({ value }) => value === MASK);
    const issues = masked.length > 0 ? masked.map(({ path }) => maskIssue(fieldName(path))) : check(copy);
    return issues.length === 0 ? { ok: true, value: copy } : { ok: false, issues };
  };
}

/** No issue, or the one at a field such as `tls.ca`. */
export const issueAt = (field: string, issue: string | undefined): Issue[] =>
  issue === undefined ? [] : [{ field: `configuration.${field}`, issue }];

const maskIssue = (field: string): Issue => ({
  field,
  issue: 'is the mask of a stored secret, and none is stored here; give the secret itself',
});

/** `['auth', 'scopes', '0']` -> `configuration.auth.scopes[0]`. */
const fieldName = (path: readonly string[]): string =>
  path.reduce((name, part) => (/^\d+$/.test(part) ? `${name}[${part}]` : `${name}.${part}`), 'configuration');

function issuesOf(errors: readonly ErrorObject[]): Issue[] {
  const issues = errors.filter(({ keyword }) => keyword !== 'if').map(issueOf);
  const seen = new Set<string>();
  return issues.filter(({ field, issue }) => !seen.has(`${field} ${issue}`) && seen.add(`${field} ${issue}`));
}

function issueOf(error: ErrorObject): Issue {
  const path = error.instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const params = error.params as Record<string, unknown>;
  const child = params['missingProperty'] ?? params['additionalProperty'] ?? params['unevaluatedProperty'];
  if (error.keyword === 'discriminator') path.push(String(params['tag']));
  if (typeof child === 'string') path.push(child);
  return { field: fieldName(path), issue: wayOut(error, params) };
}

/** What to do about it, for the keywords that the schemas use; otherwise ajv's own words. */
function wayOut(error: ErrorObject, params: Record<string, unknown>): string {
  const parent = (error.parentSchema ?? {}) as JsonObject;
  switch (error.keyword) {
    case 'required':
    case 'dependentRequired':
      return 'is required; add it';
    case 'additionalProperties':
    case 'unevaluatedProperties':
      return `is not a known property; remove it or use one of: ${Object.keys((parent['properties'] ?? {}) as JsonObject).join(', ')}`;
    case 'enum':
      return `must be one of: ${(params['allowedValues'] as unknown[]).join(', ')}`;
    case 'const':
      return `must be ${String(params['allowedValue'])}`;
    case 'discriminator':
      return `must be one of: ${discriminatorValues(parent).join(', ')}`;
    case 'type':
      return `must be of the type ${[params['type']].flat().join(' or ')}`;
    case 'pattern':
    case 'format':
      return typeof parent['description'] === 'string'
        ? `does not have the right form: ${parent['description']}`
        : (error.message ?? 'does not have the right form');
    default:
      return error.message ?? 'is not valid';
  }
}

function discriminatorValues(parent: JsonObject): string[] {
  const branches = (parent['oneOf'] ?? []) as JsonObject[];
  return branches.map((branch) => {
    const type = ((branch['properties'] ?? {}) as Record<string, JsonObject>)['type'];
    const value = type?.['const'];
    return typeof value === 'string' ? value : '';
  });
}
