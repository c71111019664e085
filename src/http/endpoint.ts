import { applyDecorators, HttpCode, SetMetadata } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiQuery, ApiResponse, type OpenAPIObject } from '@nestjs/swagger';
import { z } from 'zod';
import { type Scope } from '../tenants/scopes';
import { type AnswerName, answerRef } from './answers';

type SchemaObject = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>[string];

export const SCOPE = 'distributor:scope';

/**
 * What an endpoint needs: a scope, or nobody in particular (`public`), or anybody known (`authenticated`), or one who
 * may read figures of the whole process (`metrics`, http/metrics-access.ts).
 */
export type Access = Scope | 'public' | 'authenticated' | 'metrics';

interface EndpointOptions {
  summary: string;
  access: Access;
  status?: number;
  body?: z.ZodType;
  query?: z.ZodObject;
  answer?: AnswerName;
}

/** Scope, status and documentation of one endpoint in one place; an endpoint without it fails the start. */
export function Endpoint({
  summary,
  access,
  status = 200,
  body,
  query,
  answer,
}: EndpointOptions): MethodDecorator {
  const decorators: MethodDecorator[] = [
    SetMetadata(SCOPE, access),
    HttpCode(status),
    ApiOperation({ summary, description: `Scope: \`${access}\`` }),
    ApiResponse({
      status,
      description: 'As asked.',
      schema: answer === undefined ? { type: 'object' } : answerRef(answer),
    }),
  ];
  if (body !== undefined) decorators.push(ApiBody({ schema: jsonSchema(body) }));
  for (const [name, schema] of Object.entries(query?.shape ?? {})) {
    decorators.push(ApiQuery({ name, required: false, schema: jsonSchema(schema as z.ZodType) }));
  }
  return applyDecorators(...decorators);
}

/** For controllers whose endpoints are about one tenant. */
export const TENANT_HEADER = {
  name: 'X-Tenant-ID',
  required: false,
  description: 'Where the key is a platform key.',
};

const jsonSchema = (schema: z.ZodType): SchemaObject => {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override: noAdditional,
  });
  return rest as SchemaObject;
};

/** Lax objects are documented as such; `custom` checks have no schema of their own and are JSON objects here. */
function noAdditional({
  zodSchema,
  jsonSchema: target,
}: {
  zodSchema: z.core.$ZodTypes;
  jsonSchema: z.core.JSONSchema.BaseSchema;
}): void {
  if (zodSchema._zod.def.type === 'custom') target.type = 'object';
}
