import { Body, Controller, Delete, Get, Param, Post, Req } from '@nestjs/common';
import { ApiHeader, ApiSecurity, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { ApiError, notFound } from '../kernel/errors';
import { type ApiKeyId, isUuid } from '../kernel/ids';
import { ApiKeys } from '../tenants/api-keys';
import { SCOPES } from '../tenants/scopes';
import { Endpoint, TENANT_HEADER } from './endpoint';
import { moment } from '../kernel/fields';
import { parsed } from './parsed';
import { type ApiRequest, tenantCallerOf } from './request';

const apiKeySchema = z.strictObject({
  name: z.string().min(1).max(100),
  scopes: z.array(z.enum(SCOPES)).min(1).max(SCOPES.length),
  expires_at: moment.optional(),
  rate_limit_requests: z.number().int().min(1).max(1_000_000_000).optional(),
});

const keyRotationSchema = z.strictObject({
  overlap_seconds: z.number().int().min(0).max(2_592_000).default(86_400),
  expires_at: moment.optional().describe('Of the new key; absent, that of the old one.'),
});

@ApiTags('keys')
@ApiSecurity('api_key')
@ApiHeader(TENANT_HEADER)
@Controller('api/v1/api-keys')
export class ApiKeysController {
  constructor(private readonly keys: ApiKeys) {}

  @Post()
  @Endpoint({
    summary: 'Create a key, shown this once',
    access: 'tenant:admin',
    status: 201,
    body: apiKeySchema,
  })
  create(@Req() request: ApiRequest, @Body() body: unknown) {
    const { expires_at, ...wanted } = parsed(apiKeySchema, body);
    const caller = tenantCallerOf(request);
    checkScopes(wanted.scopes);
    return this.keys.create(caller, {
      ...wanted,
      expires_at: expires_at === undefined ? undefined : new Date(expires_at),
    });
  }

  @Get()
  @Endpoint({ summary: 'Keys of the tenant, without the keys', access: 'tenant:admin' })
  async list(@Req() request: ApiRequest) {
    return { api_keys: await this.keys.list(tenantCallerOf(request)) };
  }

  @Post(':id/rotate')
  @Endpoint({
    summary: 'New key with the same rights, shown this once; the old one valid for a while',
    access: 'tenant:admin',
    status: 201,
    body: keyRotationSchema,
  })
  rotate(@Req() request: ApiRequest, @Param('id') id: string, @Body() body: unknown) {
    const { overlap_seconds, expires_at } = parsed(keyRotationSchema, body ?? {});
    const ends = expires_at === undefined ? undefined : new Date(expires_at);
    return this.keys.rotate(tenantCallerOf(request), keyId(id), overlap_seconds, ends);
  }

  @Delete(':id')
  @Endpoint({ summary: 'Revoke a key', access: 'tenant:admin' })
  revoke(@Req() request: ApiRequest, @Param('id') id: string) {
    return this.keys.revoke(tenantCallerOf(request), keyId(id));
  }
}

function keyId(id: string): ApiKeyId {
  if (!isUuid(id)) throw notFound(`API key ${id}`);
  return id as ApiKeyId;
}

/** A tenant's key never reaches beyond its tenant. */
function checkScopes(scopes: readonly string[]): void {
  if (!scopes.includes('platform:admin')) return;
  const issue = 'platform:admin belongs to the platform, not to a tenant; leave it out';
  throw new ApiError('VALIDATION_ERROR', `scopes: ${issue}`, [{ field: 'scopes', issue }]);
}
