import { type INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { API_ERRORS } from '../kernel/errors';
import { type AnswerName, answerRef, answerSchemas } from './answers';
import { READS } from './rate-limit';

/** The published contract, made from the endpoints themselves; docs/openapi.json is the committed copy. */
export function openApiDocument(app: INestApplication): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle('Distributor')
    .setDescription('Durable, explainable distribution of jobs to many destinations.')
    .setVersion('1')
    .setOpenAPIVersion('3.1.0')
    .addApiKey({ type: 'apiKey', in: 'header', name: 'X-API-Key' }, 'api_key')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' }, 'bearer')
    .build();
  const document = SwaggerModule.createDocument(app, config);
  document.components = {
    ...document.components,
    schemas: { ...document.components?.schemas, ...answerSchemas(), Error: ERROR },
  };
  document.webhooks = WEBHOOKS;
  for (const path of Object.values(document.paths)) {
    for (const [method, operation] of Object.entries(path as Record<string, Operation>)) {
      // Whoever takes a key takes a token.
      if (operation.security !== undefined) operation.security = [{ api_key: [] }, { bearer: [] }];
      if (operation.responses === undefined) continue;
      if (operation.security !== undefined && !READS.has(method.toUpperCase())) addLimit(operation.responses);
      operation.responses['default'] = {
        description: 'The error envelope; docs/errors.md explains each code.',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      };
    }
  }
  return document;
}

interface Operation {
  responses?: Record<string, { headers?: object; [field: string]: unknown }>;
  security?: object[];
}

/** What is no read stands under a limit: of the key, and for submissions of the tenant. */
function addLimit(responses: NonNullable<Operation['responses']>): void {
  for (const response of Object.values(responses)) response.headers = LIMIT_HEADERS;
  responses['429'] = {
    description: 'Over the limit of the tenant or the key; nothing was done.',
    headers: { ...LIMIT_HEADERS, 'Retry-After': integer('Seconds after which it may pass.') },
    content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
  };
}

const integer = (description: string) => ({ description, schema: { type: 'integer' } });

const LIMIT_HEADERS = {
  'X-RateLimit-Limit': integer('Jobs of the tenant, or else requests under the key, in a window.'),
  'X-RateLimit-Remaining': integer('What is left at this moment.'),
  'X-RateLimit-Reset': integer('Epoch seconds at which all of it is there again.'),
};

const DETAIL = {
  type: 'object',
  properties: { field: { type: 'string' }, issue: { type: 'string' } },
};

const ERROR = {
  type: 'object',
  required: ['error', 'message', 'request_id', 'timestamp'],
  properties: {
    error: { type: 'string', enum: Object.keys(API_ERRORS) },
    message: { type: 'string' },
    details: { oneOf: [DETAIL, { type: 'array', items: DETAIL }] },
    retry_after_seconds: { type: 'integer' },
    request_id: { type: 'string' },
    timestamp: { type: 'string', format: 'date-time' },
  },
};

const webhook = (summary: string, name: AnswerName) => ({
  post: {
    summary,
    description:
      'To the `callback_url` of a submission, signed by Standard Webhooks (docs/destinations/rest.md).',
    requestBody: { content: { 'application/json': { schema: answerRef(name) } } },
    responses: { '2XX': { description: 'Taken. Anything else is tried again, five times in all.' } },
  },
});

const WEBHOOKS = {
  distribution: webhook('A job is over, or one of its attempts', 'JobCallback'),
  batch: webhook('A batch is over', 'BatchCallback'),
};

export function servePublishedContract(app: INestApplication): void {
  SwaggerModule.setup('docs', app, () => openApiDocument(app), { jsonDocumentUrl: 'docs-json' });
}
