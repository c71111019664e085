/** The part of JSON Schema that docs/openapi.json uses. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  oneOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  description?: string;
}

interface Operation {
  parameters?: { name: string; in: string; required?: boolean; schema: Schema }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
}

export interface OpenApi {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

/** Bodies that the client sends, by the name of their type. */
const BODIES: Record<string, [method: string, path: string]> = {
  Submission: ['post', '/api/v1/distribution/submit'],
  ReplayRequest: ['post', '/api/v1/distribution/{distribution_id}/replay'],
  BulkReplayRequest: ['post', '/api/v1/distribution/replay'],
  RedriveRequest: ['post', '/api/v1/dead-letters/redrive'],
  DiscardRequest: ['post', '/api/v1/dead-letters/discard'],
  DestinationInput: ['post', '/api/v1/destinations/register'],
  DestinationPatch: ['patch', '/api/v1/destinations/{destination}'],
  DestinationTestRequest: ['post', '/api/v1/destinations/{destination}/test'],
  RuleInput: ['post', '/api/v1/rules'],
  RulePatch: ['patch', '/api/v1/rules/{id}'],
  RuleMatchRequest: ['post', '/api/v1/rules/match'],
  TransformInput: ['post', '/api/v1/transforms'],
  TransformPatch: ['patch', '/api/v1/transforms/{transform}'],
  TransformPreviewRequest: ['post', '/api/v1/transforms/preview'],
};

const QUERIES: Record<string, [method: string, path: string]> = {
  JobQuery: ['get', '/api/v1/distribution/list'],
  DeadLetterQuery: ['get', '/api/v1/dead-letters'],
  AuditQuery: ['get', '/api/v1/audit-log'],
  DestinationHealthQuery: ['get', '/api/v1/destinations/{destination}/health'],
  RuleQuery: ['get', '/api/v1/rules'],
};

/** Names that would hide something of the language. */
const RENAMED: Record<string, string> = { Error: 'ErrorEnvelope' };

const HEAD = `/* Made of docs/openapi.json by client/generate.ts (npm run openapi): do not edit. Times are RFC 3339. */\n`;

/** `client/src/types.ts`: what is sent and what is answered. */
export function typesOf({ paths, components }: OpenApi): string {
  const operation = ([method, path]: [string, string]): Operation => {
    const found = paths[path]?.[method];
    if (found === undefined) throw new Error(`docs/openapi.json has no ${method.toUpperCase()} ${path}`);
    return found;
  };
  const sent = Object.entries(BODIES).map(([name, place]) => {
    const schema = operation(place).requestBody?.content['application/json']?.schema;
    if (schema === undefined) throw new Error(`${place.join(' ')} has no JSON body`);
    return declaration(name, schema, 'object');
  });
  const asked = Object.entries(QUERIES).map(([name, place]) =>
    declaration(name, queryOf(operation(place)), 'object'),
  );
  const answered = Object.entries(components.schemas).map(([name, schema]) =>
    declaration(RENAMED[name] ?? name, schema, 'Record<string, unknown>'),
  );
  return [HEAD, ...sent, ...asked, ...answered].join('\n');
}

function queryOf({ parameters = [] }: Operation): Schema {
  const query = parameters.filter((parameter) => parameter.in === 'query');
  return {
    type: 'object',
    properties: Object.fromEntries(query.map(({ name, schema }) => [name, schema])),
  };
}

/** `anyObject`: what a JSON object without known fields is; a caller's own interface must fit what is sent. */
function declaration(name: string, schema: Schema, anyObject: string): string {
  const comment = commentOf(schema, '');
  const body = typeOf(schema, anyObject, '');
  return schema.properties === undefined
    ? `${comment}export type ${name} = ${body};\n`
    : `${comment}export interface ${name} ${body}\n`;
}

function typeOf(schema: Schema, anyObject: string, indent: string): string {
  const inner = (one: Schema): string => typeOf(one, anyObject, indent);
  if (schema.$ref !== undefined) {
    const name = schema.$ref.replace('#/components/schemas/', '');
    return RENAMED[name] ?? name;
  }
  if (schema.const !== undefined) return literal(schema.const);
  if (schema.enum !== undefined) return schema.enum.map(literal).join(' | ');
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return [...new Set(choices.map(inner))].join(' | ');
  if (Array.isArray(schema.type)) {
    return schema.type.map((type) => inner({ ...schema, type })).join(' | ');
  }
  switch (schema.type) {
    case 'object':
      return objectOf(schema, anyObject, indent);
    case 'array': {
      const item = inner(schema.items ?? {});
      return / \| /.test(item) && !item.startsWith('{') ? `(${item})[]` : `${item}[]`;
    }
    case 'integer':
      return 'number';
    case undefined:
      return 'unknown';
    default:
      return schema.type;
  }
}

function objectOf(schema: Schema, anyObject: string, indent: string): string {
  const { properties, required = [], additionalProperties: others } = schema;
  if (properties === undefined) {
    const isOfOneKind = typeof others === 'object' && Object.keys(others).length > 0;
    return isOfOneKind ? `Record<string, ${typeOf(others, anyObject, indent)}>` : anyObject;
  }
  const deeper = `${indent}  `;
  const fields = Object.entries(properties).map(([name, field]) => {
    const type = typeOf(field, anyObject, deeper);
    if (required.includes(name)) return `${commentOf(field, deeper)}${deeper}${name}: ${type};`;
    const orAbsent = type === 'unknown' ? type : `${type} | undefined`;
    return `${commentOf(field, deeper)}${deeper}${name}?: ${orAbsent};`;
  });
  if (typeof others === 'object') fields.push(`${deeper}[field: string]: unknown;`);
  return `{\n${fields.join('\n')}\n${indent}}`;
}

const literal = (value: unknown): string =>
  typeof value === 'string' ? `'${value}'` : JSON.stringify(value);

const commentOf = ({ description }: Schema, indent: string): string =>
  description === undefined ? '' : `${indent}/** ${description} */\n`;
