import { type OpenAPIObject } from '@nestjs/swagger';
import { z } from 'zod';
import * as configuration from './answers-configuration';
import * as dataProtection from './answers-data-protection';
import * as distribution from './answers-distribution';
import * as operation from './answers-operation';

/*
 * What endpoints answer with, as published: components of the OpenAPI document, of which the types of client/ are
 * made. Fields may be added at any time; client/test/contract.spec.ts compares these schemas with real answers, field by
 * field.
 */

const PUBLISHED = {
  ...distribution.ANSWERS,
  ...configuration.ANSWERS,
  ...dataProtection.ANSWERS,
  ...operation.ANSWERS,
};

export type AnswerName = keyof typeof PUBLISHED;

type SchemaObject = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>[string];

const uri = (name: string): string => `#/components/schemas/${name}`;

export const answerRef = (name: AnswerName): { $ref: string } => ({ $ref: uri(name) });

/** Every published answer by its name; they refer to each other by name. */
export function answerSchemas(): Record<string, SchemaObject> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(PUBLISHED)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { uri, override: open });
  return Object.fromEntries(
    Object.entries(schemas).map(([name, { $schema: _dialect, $id: _id, ...schema }]) => [
      name,
      schema as SchemaObject,
    ]),
  );
}

/** Readers ignore fields that they do not know. What JavaScript can count to is no limit worth stating. */
function open({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
}
