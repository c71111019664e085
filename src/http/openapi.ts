import { type INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { API_ERRORS } from '../kernel/errors';

/** The published contract, made from the endpoints themselves; docs/openapi.json is the committed copy. */
export function openApiDocument(app: INestApplication): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle('Distributor')
    .setDescription('Durable, explainable distribution of jobs to many destinations.')
    .setVersion('1')
    .addApiKey({ type: 'apiKey', in: 'header', name: 'X-API-Key' }, 'api_key')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' }, 'bearer')
    .build();
  const document = SwaggerModule.createDocument(app, config);
  document.components = {
    ...document.components,
    schemas: { ...document.components?.schemas, Error: ERROR },
  };
  for (const path of Object.values(document.paths)) {
    for (const operation of Object.values(path as Record<string, Operation>)) {
      // Whoever takes a key takes a token.
      if (operation.security !== undefined) operation.security = [{ api_key: [] }, { bearer: [] }];
      if (operation.responses === undefined) continue;
      operation.responses['default'] = {
        description: 'The error envelope; docs/errors.md explains each code.',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      };
    }
  }
  return document;
}

interface Operation {
  responses?: Record<string, unknown>;
  security?: object[];
}

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

export function servePublishedContract(app: INestApplication): void {
  SwaggerModule.setup('docs', app, () => openApiDocument(app), { jsonDocumentUrl: 'docs-json' });
}
