import { Body, Controller, Delete, Get, Param, Patch, Post, Put, Req } from '@nestjs/common';
import { ApiHeader, ApiSecurity, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { isJsonObject, type JsonObject } from '../kernel/json';
import { PRIORITIES } from '../kernel/priority';
import { DataTypes } from '../tenants/data-types';
import { Endpoint } from './endpoint';
import { parsed } from './parsed';
import { type ApiRequest, callerOf } from './request';

const schemaDefinition = z.custom<JsonObject>(isJsonObject, 'must be a JSON Schema as an object');
const validationRules = z
  .strictObject({
    max_bytes: z.number().int().min(1),
    required_metadata: z.array(z.string().min(1).max(100)).min(1).max(50),
    allowed_priorities: z.array(z.enum(PRIORITIES)).min(1).max(PRIORITIES.length),
  })
  .partial();

const dataTypeSchema = z.strictObject({
  id: z
    .string()
    .min(1)
    .max(50)
    .regex(/^[^\u0000-\u001f\u007f/]+$/, 'must not contain control characters or slashes'),
  name: z.string().min(1).max(100),
  description: z.string().max(2000).nullish(),
  schema_definition: schemaDefinition.nullish(),
  validation_rules: validationRules.default({}),
  tenant_id: z.string().nullish(),
});

const dataTypePatch = z
  .strictObject({
    name: z.string().min(1).max(100),
    description: z.string().max(2000).nullable(),
    schema_definition: schemaDefinition.nullable(),
    validation_rules: validationRules,
  })
  .partial();

@ApiTags('data-types')
@ApiSecurity('api_key')
@ApiHeader({
  name: 'X-Tenant-ID',
  required: false,
  description: "Where the key is a platform key; without it, the platform's own data types.",
})
@Controller('api/v1/data-types')
export class DataTypesController {
  constructor(private readonly types: DataTypes) {}

  @Post()
  @Endpoint({ summary: 'Make a data type', access: 'config:write', status: 201, body: dataTypeSchema })
  create(@Req() request: ApiRequest, @Body() body: unknown) {
    return this.types.create(callerOf(request), parsed(dataTypeSchema, body));
  }

  @Get()
  @Endpoint({ summary: 'Data types, those of the platform among them', access: 'config:read' })
  async list(@Req() request: ApiRequest) {
    return { data_types: await this.types.list(callerOf(request)) };
  }

  @Get(':id')
  @Endpoint({ summary: 'One data type', access: 'config:read' })
  get(@Req() request: ApiRequest, @Param('id') id: string) {
    return this.types.get(callerOf(request), id);
  }

  @Get(':id/versions')
  @Endpoint({ summary: 'Every version, the newest first', access: 'config:read' })
  async versions(@Req() request: ApiRequest, @Param('id') id: string) {
    return { versions: await this.types.versions(callerOf(request), id) };
  }

  @Put(':id')
  @Endpoint({ summary: 'Replace a data type', access: 'config:write', body: dataTypeSchema })
  replace(@Req() request: ApiRequest, @Param('id') id: string, @Body() body: unknown) {
    return this.types.replace(callerOf(request), id, parsed(dataTypeSchema, body));
  }

  @Patch(':id')
  @Endpoint({
    summary: 'Change a data type; schema and validation rules are replaced as a whole',
    access: 'config:write',
    body: dataTypePatch,
  })
  patch(@Req() request: ApiRequest, @Param('id') id: string, @Body() body: unknown) {
    return this.types.patch(callerOf(request), id, parsed(dataTypePatch, body));
  }

  @Delete(':id')
  @Endpoint({ summary: 'Delete a data type', access: 'config:write', status: 204 })
  remove(@Req() request: ApiRequest, @Param('id') id: string) {
    return this.types.remove(callerOf(request), id);
  }
}
