import { Body, Controller, Delete, Get, Param, Patch, Post, Put, Req } from '@nestjs/common';
import { ApiHeader, ApiSecurity, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { notFound } from '../kernel/errors';
import { isUuid } from '../kernel/ids';
import { type JsonObject } from '../kernel/json';
import { DestinationTypes } from '../tenants/destination-types';
import { Destinations, type DestinationView } from '../tenants/destinations';
import { DESTINATION_STATUSES } from '../tenants/entities';
import { SigningSecrets } from '../tenants/signing-secrets';
import { Endpoint, TENANT_HEADER } from './endpoint';
import { jsonObject } from '../kernel/fields';
import { parsed } from './parsed';
import { type ApiRequest, tenantCallerOf } from './request';

const name = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[a-zA-Z0-9_-]+$/, 'must consist of letters, digits, _ and -');
const healthCheck = z
  .strictObject({
    endpoint: z.string().max(2048),
    interval_seconds: z.number().int().min(5).max(86_400),
    timeout_seconds: z.number().int().min(1).max(300),
  })
  .partial();

export const destinationSchema = z.strictObject({
  name,
  description: z.string().max(2000).nullish(),
  protocol: z.string(),
  status: z.enum(DESTINATION_STATUSES).optional(),
  configuration: jsonObject,
  transform_config: jsonObject.default({}),
  health_check: healthCheck.default({}).transform((check) => check as JsonObject),
  tags: z.array(z.string().min(1).max(50)).max(50).default([]),
});

const destinationPatch = z
  .strictObject({
    name,
    description: z.string().max(2000).nullable(),
    protocol: z.string(),
    status: z.enum(DESTINATION_STATUSES),
    configuration: jsonObject,
    transform_config: jsonObject,
    health_check: healthCheck.transform((check) => check as JsonObject),
    tags: z.array(z.string().min(1).max(50)).max(50),
  })
  .partial();

@ApiTags('destinations')
@ApiSecurity('api_key')
@ApiHeader(TENANT_HEADER)
@Controller('api/v1/destinations')
export class DestinationsController {
  constructor(private readonly destinations: Destinations) {}

  @Post('register')
  @Endpoint({
    summary: 'Register a destination',
    access: 'config:write',
    answer: 'RegisteredDestination',
    status: 201,
    body: destinationSchema,
  })
  async register(@Req() request: ApiRequest, @Body() body: unknown) {
    return registered(
      await this.destinations.register(tenantCallerOf(request), parsed(destinationSchema, body)),
    );
  }

  @Get('list')
  @Endpoint({ summary: 'Destinations by name', access: 'config:read', answer: 'DestinationList' })
  async list(@Req() request: ApiRequest) {
    return { destinations: await this.destinations.list(tenantCallerOf(request)) };
  }

  @Get(':destination')
  @Endpoint({
    summary: 'One destination, secrets masked',
    access: 'config:read',
    answer: 'WatchedDestination',
  })
  get(@Req() request: ApiRequest, @Param('destination') idOrName: string) {
    return this.destinations.get(tenantCallerOf(request), idOrName);
  }

  @Get(':destination/versions')
  @Endpoint({ summary: 'Every version, the newest first', access: 'config:read' })
  async versions(@Req() request: ApiRequest, @Param('destination') idOrName: string) {
    return { versions: await this.destinations.versions(tenantCallerOf(request), idOrName) };
  }

  @Put(':destination')
  @Endpoint({
    summary: 'Replace a destination',
    access: 'config:write',
    answer: 'Destination',
    body: destinationSchema,
  })
  replace(@Req() request: ApiRequest, @Param('destination') idOrName: string, @Body() body: unknown) {
    return this.destinations.replace(tenantCallerOf(request), idOrName, parsed(destinationSchema, body));
  }

  @Patch(':destination')
  @Endpoint({
    summary: 'Change a destination (JSON Merge Patch)',
    access: 'config:write',
    answer: 'Destination',
    body: destinationPatch,
  })
  patch(@Req() request: ApiRequest, @Param('destination') idOrName: string, @Body() body: unknown) {
    return this.destinations.patch(tenantCallerOf(request), idOrName, parsed(destinationPatch, body));
  }

  @Post(':destination/breaker/reset')
  @Endpoint({
    summary: 'Close the breaker of a destination, so that what waits is sent at once',
    access: 'config:write',
    answer: 'WatchedDestination',
  })
  resetBreaker(@Req() request: ApiRequest, @Param('destination') idOrName: string) {
    return this.destinations.resetBreaker(tenantCallerOf(request), idOrName);
  }

  @Delete(':destination')
  @Endpoint({ summary: 'Delete a destination', access: 'config:write', status: 204 })
  remove(@Req() request: ApiRequest, @Param('destination') idOrName: string) {
    return this.destinations.remove(tenantCallerOf(request), idOrName);
  }
}

const registered = (view: DestinationView) => ({
  ...view,
  registered_at: view.created_at,
});

@ApiTags('destinations')
@ApiSecurity('api_key')
@Controller('api/v1/destination-types')
export class DestinationTypesController {
  constructor(private readonly types: DestinationTypes) {}

  @Get()
  @Endpoint({
    summary: 'Protocols with the JSON Schema of their configuration',
    access: 'config:read',
    answer: 'DestinationTypeList',
  })
  list() {
    return { destination_types: this.types.list() };
  }
}

const rotateSchema = z.strictObject({
  overlap_seconds: z.number().int().min(0).max(2_592_000).default(86_400),
});

@ApiTags('keys')
@ApiSecurity('api_key')
@ApiHeader(TENANT_HEADER)
@Controller('api/v1/signing-secrets')
export class SigningSecretsController {
  constructor(private readonly secrets: SigningSecrets) {}

  @Get()
  @Endpoint({ summary: 'Signing secrets, masked', access: 'tenant:admin' })
  async list(@Req() request: ApiRequest) {
    return { signing_secrets: await this.secrets.list(tenantCallerOf(request)) };
  }

  @Post()
  @Endpoint({ summary: 'Create a signing secret, shown this once', access: 'tenant:admin', status: 201 })
  create(@Req() request: ApiRequest) {
    return this.secrets.create(tenantCallerOf(request));
  }

  @Post('rotate')
  @Endpoint({
    summary: 'New secret, the old ones valid for a while',
    access: 'tenant:admin',
    status: 201,
    body: rotateSchema,
  })
  rotate(@Req() request: ApiRequest, @Body() body: unknown) {
    return this.secrets.rotate(tenantCallerOf(request), parsed(rotateSchema, body ?? {}).overlap_seconds);
  }

  @Delete(':id')
  @Endpoint({ summary: 'Revoke a signing secret at once', access: 'tenant:admin', status: 204 })
  revoke(@Req() request: ApiRequest, @Param('id') id: string) {
    if (!isUuid(id)) throw notFound(`signing secret ${id}`);
    return this.secrets.revoke(tenantCallerOf(request), id);
  }
}
