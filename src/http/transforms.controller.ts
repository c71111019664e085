import { Body, Controller, Delete, Get, Param, Patch, Post, Put, Req } from '@nestjs/common';
import { ApiHeader, ApiSecurity, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Transforms } from '../tenants/transforms';
import { ENGINES, OUTPUT_FORMATS } from '../transforms/transform';
import { Endpoint, TENANT_HEADER } from './endpoint';
import { jsonObject } from '../kernel/fields';
import { parsed } from './parsed';
import { type ApiRequest, tenantCallerOf } from './request';

const fields = {
  name: z
    .string()
    .min(1)
    .max(100)
    .regex(/^[a-zA-Z0-9_-]+$/, 'must consist of letters, digits, _ and -'),
  engine: z.enum(ENGINES),
  spec: z.union([z.string(), jsonObject]),
  input_format: z.literal('json'),
  output_format: z.enum(OUTPUT_FORMATS),
  output_schema: jsonObject.nullable(),
};

export const transformSchema = z.strictObject({
  ...fields,
  input_format: fields.input_format.default('json'),
  output_format: fields.output_format.default('json'),
  output_schema: fields.output_schema.default(null),
});
const transformPatch = z.strictObject(fields).partial();

export const previewSchema = z.strictObject({
  transform: z.union([z.string().min(1).max(100), jsonObject]),
  input: jsonObject,
  format: z.enum(OUTPUT_FORMATS).optional(),
  data_type: z.string().max(50).optional(),
});

@ApiTags('transforms')
@ApiSecurity('api_key')
@ApiHeader(TENANT_HEADER)
@Controller('api/v1/transforms')
export class TransformsController {
  constructor(private readonly transforms: Transforms) {}

  @Post()
  @Endpoint({
    summary: 'Create a transform',
    access: 'config:write',
    answer: 'Transform',
    status: 201,
    body: transformSchema,
  })
  create(@Req() request: ApiRequest, @Body() body: unknown) {
    return this.transforms.create(tenantCallerOf(request), parsed(transformSchema, body));
  }

  @Post('preview')
  @Endpoint({
    summary: 'What a transform makes of an input',
    access: 'config:read',
    answer: 'TransformPreview',
    body: previewSchema,
  })
  preview(@Req() request: ApiRequest, @Body() body: unknown) {
    return this.transforms.preview(tenantCallerOf(request), parsed(previewSchema, body));
  }

  @Get()
  @Endpoint({ summary: 'Transforms by name', access: 'config:read', answer: 'TransformList' })
  async list(@Req() request: ApiRequest) {
    return { transforms: await this.transforms.list(tenantCallerOf(request)) };
  }

  @Get(':transform')
  @Endpoint({ summary: 'One transform', access: 'config:read', answer: 'Transform' })
  get(@Req() request: ApiRequest, @Param('transform') idOrName: string) {
    return this.transforms.get(tenantCallerOf(request), idOrName);
  }

  @Get(':transform/versions')
  @Endpoint({ summary: 'Every version, the newest first', access: 'config:read' })
  async versions(@Req() request: ApiRequest, @Param('transform') idOrName: string) {
    return { versions: await this.transforms.versions(tenantCallerOf(request), idOrName) };
  }

  @Put(':transform')
  @Endpoint({
    summary: 'Replace a transform',
    access: 'config:write',
    answer: 'Transform',
    body: transformSchema,
  })
  replace(@Req() request: ApiRequest, @Param('transform') idOrName: string, @Body() body: unknown) {
    return this.transforms.replace(tenantCallerOf(request), idOrName, parsed(transformSchema, body));
  }

  @Patch(':transform')
  @Endpoint({
    summary: 'Change a transform',
    access: 'config:write',
    answer: 'Transform',
    body: transformPatch,
  })
  patch(@Req() request: ApiRequest, @Param('transform') idOrName: string, @Body() body: unknown) {
    return this.transforms.patch(tenantCallerOf(request), idOrName, parsed(transformPatch, body));
  }

  @Delete(':transform')
  @Endpoint({ summary: 'Delete a transform', access: 'config:write', status: 204 })
  remove(@Req() request: ApiRequest, @Param('transform') idOrName: string) {
    return this.transforms.remove(tenantCallerOf(request), idOrName);
  }
}
