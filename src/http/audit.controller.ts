import { Controller, Get, Query, Req } from '@nestjs/common';
import { ApiHeader, ApiSecurity, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { AuditTrail } from '../tenants/audit-trail';
import { Endpoint } from './endpoint';
import { moment } from '../kernel/fields';
import { parsed } from './parsed';
import { type ApiRequest, callerOf } from './request';

const auditQuery = z.strictObject({
  actor: z.string().max(200).optional(),
  action: z.string().max(50).optional(),
  resource_type: z.string().max(50).optional(),
  resource_id: z.string().max(100).optional(),
  from_date: moment.optional(),
  to_date: moment.optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(50),
  cursor: z.coerce.number().int().min(1).optional(),
});

@ApiTags('audit log')
@ApiSecurity('api_key')
@ApiHeader({
  name: 'X-Tenant-ID',
  required: false,
  description: "Where the key is a platform key; without it the platform's own entries are shown.",
})
@Controller('api/v1/audit-log')
export class AuditController {
  constructor(private readonly trail: AuditTrail) {}

  @Get()
  @Endpoint({
    summary: 'Who changed what, when, from where; newest first, secrets masked',
    access: 'tenant:admin',
    answer: 'AuditPage',
    query: auditQuery,
  })
  async list(@Req() request: ApiRequest, @Query() query: unknown) {
    const { entries, nextCursor } = await this.trail.page(callerOf(request), parsed(auditQuery, query));
    return { entries, next_cursor: nextCursor === undefined ? null : String(nextCursor) };
  }

  @Get('verify')
  @Endpoint({
    summary: 'Whether the chain of entries is unbroken, and its head to note elsewhere',
    access: 'tenant:admin',
  })
  async verify(@Req() request: ApiRequest) {
    const state = await this.trail.verify(callerOf(request));
    return { intact: state.first_broken === null, ...state };
  }
}
