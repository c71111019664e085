import { Body, Controller, Delete, Get, Param, Patch, Post, Req } from '@nestjs/common';
import { ApiSecurity, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { OUTCOME_EVENTS } from '../callbacks/told.sql';
import { notFound } from '../kernel/errors';
import { isTenantId, type TenantId } from '../kernel/ids';
import { type JsonObject } from '../kernel/json';
import { TENANT_STATUSES } from '../tenants/entities';
import { Platform } from '../tenants/platform';
import { Endpoint } from './endpoint';
import { parsed } from './parsed';
import { type ApiRequest, callerOf } from './request';

const positive = z.number().int().min(1).max(1_000_000_000);
/** What the service itself reads of a tenant's configuration is checked; the rest belongs to the tenant. */
const tenantConfig = z
  .looseObject({
    weight: z.number().int().min(1).max(100).optional(),
    dead_letter_retention_days: z.number().int().min(1).max(3650).optional(),
    outcome_events: z.array(z.enum(OUTCOME_EVENTS)).max(OUTCOME_EVENTS.length).optional(),
  })
  .transform((config) => config as JsonObject);

const shared = {
  name: z.string().min(1).max(100),
  description: z.string().max(2000).nullish(),
  config: tenantConfig.optional(),
  rate_limit_requests: positive.optional(),
  rate_limit_window_seconds: positive.optional(),
  burst_limit: positive.optional(),
};

const tenantSchema = z.strictObject({
  id: z.string().transform((id, context): TenantId => {
    if (isTenantId(id)) return id;
    context.addIssue({ code: 'custom', message: 'must be 1 to 50 letters, digits, _ and -' });
    return z.NEVER;
  }),
  ...shared,
});

const tenantPatch = z.strictObject({ ...shared, status: z.enum(TENANT_STATUSES) }).partial();

@ApiTags('tenants')
@ApiSecurity('api_key')
@Controller('api/v1/tenants')
export class TenantsController {
  constructor(private readonly platform: Platform) {}

  @Post()
  @Endpoint({ summary: 'Create a tenant', access: 'platform:admin', status: 201, body: tenantSchema })
  create(@Req() request: ApiRequest, @Body() body: unknown) {
    return this.platform.createTenant(callerOf(request), parsed(tenantSchema, body));
  }

  @Get()
  @Endpoint({ summary: 'All tenants', access: 'platform:admin' })
  async list() {
    return { tenants: await this.platform.listTenants() };
  }

  @Get(':id')
  @Endpoint({ summary: 'One tenant', access: 'platform:admin' })
  get(@Param('id') id: string) {
    return this.platform.getTenant(tenantId(id));
  }

  @Delete(':id')
  @Endpoint({
    summary: 'Make a tenant inactive: its keys stop working, its history stays',
    access: 'platform:admin',
  })
  deactivate(@Req() request: ApiRequest, @Param('id') id: string) {
    return this.platform.updateTenant(callerOf(request), tenantId(id), { status: 'inactive' });
  }

  @Patch(':id')
  @Endpoint({ summary: 'Change a tenant, or suspend it', access: 'platform:admin', body: tenantPatch })
  update(@Req() request: ApiRequest, @Param('id') id: string, @Body() body: unknown) {
    return this.platform.updateTenant(callerOf(request), tenantId(id), parsed(tenantPatch, body));
  }
}

@ApiTags('platform')
@ApiSecurity('api_key')
@Controller('api/v1/nodes')
export class NodesController {
  constructor(private readonly platform: Platform) {}

  @Get()
  @Endpoint({ summary: 'Running processes', access: 'platform:admin' })
  async list() {
    return { nodes: await this.platform.listNodes() };
  }
}

function tenantId(id: string): TenantId {
  if (!isTenantId(id)) throw notFound(`tenant ${id}`);
  return id;
}
