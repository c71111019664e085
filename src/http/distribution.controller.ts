import { Controller, Get, Param, Post, Query, Req } from '@nestjs/common';
import { ApiHeader, ApiSecurity, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { conflict, notFound } from '../kernel/errors';
import { type BatchId, isUuid } from '../kernel/ids';
import { checkTenant } from '../tenants/scopes';
import { Cancellations } from '../delivery/cancel';
import { RateLimits } from '../limits/rate-limits';
import { JobList } from '../tracking/list';
import { Tracking } from '../tracking/tracking';
import { Endpoint, TENANT_HEADER } from './endpoint';
import { page } from './page';
import { jobFilter } from './filters';
import { parsed } from './parsed';
import { type ApiRequest, tenantCallerOf } from './request';
import { attemptsView, batchStatusView, eventsView, jobView, statusView } from './views';

const listQuery = z.strictObject({
  tenant_id: z.string().optional(),
  status: z.enum(['pending', 'processing', 'completed', 'failed', 'cancelled']).optional(),
  ...jobFilter,
  ...page,
  offset: z.coerce.number().int().min(0).max(100_000).default(0),
});

@ApiTags('distribution')
@ApiSecurity('api_key')
@ApiHeader(TENANT_HEADER)
@Controller('api/v1/distribution')
export class DistributionController {
  constructor(
    private readonly tracking: Tracking,
    private readonly jobs: JobList,
    private readonly cancellations: Cancellations,
    private readonly limits: RateLimits,
  ) {}

  @Get(':distribution_id/status')
  @Endpoint({ summary: 'A job with every destination', access: 'distribution:read', answer: 'JobStatus' })
  async status(@Req() request: ApiRequest, @Param('distribution_id') id: string) {
    const { tenantId } = tenantCallerOf(request);
    const found = await this.tracking.status(tenantId, id);
    return statusView(found ?? absent(id), await this.limits.remaining(tenantId));
  }

  @Get(':distribution_id/attempts')
  @Endpoint({ summary: 'Every attempt with its log', access: 'distribution:read', answer: 'Attempts' })
  async attempts(@Req() request: ApiRequest, @Param('distribution_id') id: string) {
    const found = await this.tracking.attempts(tenantCallerOf(request).tenantId, id);
    const { attempts, logs } = found ?? absent(id);
    return attemptsView(id, attempts, logs);
  }

  @Get(':distribution_id/events')
  @Endpoint({ summary: 'State transitions in order', access: 'distribution:read', answer: 'Events' })
  async events(@Req() request: ApiRequest, @Param('distribution_id') id: string) {
    return eventsView(id, (await this.tracking.events(tenantCallerOf(request).tenantId, id)) ?? absent(id));
  }

  @Get('batch/:batch_id/status')
  @Endpoint({ summary: 'A batch', access: 'distribution:read', answer: 'BatchStatus' })
  async batchStatus(@Req() request: ApiRequest, @Param('batch_id') id: string) {
    const { tenantId } = tenantCallerOf(request);
    const found = isUuid(id) ? await this.tracking.batch(tenantId, id as BatchId) : undefined;
    if (found === undefined) throw notFound(`batch ${id}`);
    return batchStatusView(found);
  }

  @Get('list')
  @Endpoint({
    summary: 'Jobs, the newest first',
    access: 'distribution:read',
    answer: 'JobPage',
    query: listQuery,
  })
  async list(@Req() request: ApiRequest, @Query() query: unknown) {
    const caller = tenantCallerOf(request);
    const { tenant_id, ...filter } = parsed(listQuery, query);
    checkTenant(caller, tenant_id);
    const { jobs, nextCursor } = await this.jobs.page(caller.tenantId, filter);
    const { limit, offset } = filter;
    return { distributions: jobs.map(jobView), limit, offset, next_cursor: nextCursor };
  }

  @Post(':distribution_id/cancel')
  @Endpoint({
    summary: 'Cancel what has not been sent',
    access: 'distribution:manage',
    answer: 'Cancellation',
  })
  async cancel(@Req() request: ApiRequest, @Param('distribution_id') id: string) {
    const outcome = await this.cancellations.cancel(tenantCallerOf(request), id);
    switch (outcome.kind) {
      case 'unknown':
        return absent(id);
      case 'terminal':
        throw conflict('status', `the job is ${outcome.status} already; there is nothing to cancel`);
      case 'cancelled':
        return {
          distribution_id: id,
          status: outcome.status,
          cancelled_destinations: outcome.cancelledDestinations,
          in_flight_destinations: outcome.inFlightDestinations,
        };
    }
  }
}

function absent(id: string): never {
  throw notFound(`distribution ${id}`);
}
