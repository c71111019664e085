import { Body, Controller, Get, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiConsumes, ApiHeader, ApiSecurity, ApiTags } from '@nestjs/swagger';
import { Readable } from 'node:stream';
import { z } from 'zod';
import { Intake, type Acceptance } from '../intake/accept';
import { BatchIntake, type BatchAcceptance, type BatchItem } from '../intake/accept-batch';
import { bulkSchema, submissionSchema } from '../intake/submission';
import { ApiError, conflict, notFound } from '../kernel/errors';
import { type BatchId, isUuid } from '../kernel/ids';
import { PRIORITIES } from '../kernel/priority';
import { Cancellations } from '../delivery/cancel';
import { fromCursor, JobList } from '../tracking/list';
import { Tracking } from '../tracking/tracking';
import { type TenantCaller } from '../tenants/scopes';
import { Endpoint } from './endpoint';
import { moment } from './moment';
import { parsed } from './parsed';
import { HttpSettings } from './settings';
import { readNdjson, tooMany } from './ndjson';
import {
  type ApiReply,
  type ApiRequest,
  checkTenant,
  header,
  saneRequestId,
  tenantCallerOf,
} from './request';
import {
  attemptsView,
  batchReceiptView,
  batchStatusView,
  eventsView,
  jobView,
  receiptView,
  statusView,
} from './views';

export const listQuery = z.strictObject({
  tenant_id: z.string().optional(),
  status: z.enum(['pending', 'processing', 'completed', 'failed', 'cancelled']).optional(),
  data_type: z.string().max(50).optional(),
  priority: z.enum(PRIORITIES).optional(),
  destination: z.string().max(100).optional(),
  from_date: moment.optional(),
  to_date: moment.optional(),
  q: z.string().max(100).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(50),
  offset: z.coerce.number().int().min(0).max(100_000).default(0),
  cursor: z
    .string()
    .refine((cursor) => fromCursor(cursor) !== undefined, 'is not a next_cursor of an earlier page')
    .optional(),
});

@ApiTags('distribution')
@ApiSecurity('api_key')
@ApiHeader({
  name: 'X-Tenant-ID',
  required: false,
  description: 'The tenant, where the key is a platform key.',
})
@Controller('api/v1/distribution')
export class DistributionController {
  constructor(
    private readonly intake: Intake,
    private readonly batches: BatchIntake,
    private readonly tracking: Tracking,
    private readonly jobs: JobList,
    private readonly cancellations: Cancellations,
    private readonly settings: HttpSettings,
  ) {}

  @Post('submit')
  @ApiHeader({ name: 'Idempotency-Key', required: false })
  @Endpoint({ summary: 'Accept one job', access: 'distribution:submit', status: 202, body: submissionSchema })
  async submit(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Body() body: unknown,
  ) {
    const caller = tenantCallerOf(request);
    const submission = parsed(submissionSchema, body);
    checkTenant(caller, submission.tenant_id);
    return this.answer(await this.intake.submit(submission, circumstances(request, caller)), reply);
  }

  @Post('bulk-submit')
  @ApiConsumes('application/json', 'application/x-ndjson')
  @Endpoint({ summary: 'Accept many jobs', access: 'distribution:submit', status: 202, body: bulkSchema })
  async bulkSubmit(
    @Req() request: ApiRequest,
    @Body() body: unknown,
    @Query('fail_fast') failFast?: string,
    @Query('callback_url') callbackUrl?: string,
  ) {
    const caller = tenantCallerOf(request);
    if (body instanceof Readable) {
      const items = await readNdjson(body, this.settings);
      const options = {
        fail_fast: failFast === 'true',
        ...(callbackUrl === undefined ? {} : { callback_url: callbackUrl }),
      };
      return this.submitBatch(items, options, request, caller);
    }
    const bulk = parsed(bulkSchema, body);
    checkTenant(caller, bulk.tenant_id);
    const items = bulk.distributions.map((item) => ({ body: item }));
    return this.submitBatch(items, bulk.options, request, caller);
  }

  @Get(':distribution_id/status')
  @Endpoint({ summary: 'A job with every destination', access: 'distribution:read' })
  async status(@Req() request: ApiRequest, @Param('distribution_id') id: string) {
    const found = await this.tracking.status(tenantCallerOf(request).tenantId, id);
    return statusView(found ?? absent(id));
  }

  @Get(':distribution_id/attempts')
  @Endpoint({ summary: 'Every attempt with its log', access: 'distribution:read' })
  async attempts(@Req() request: ApiRequest, @Param('distribution_id') id: string) {
    const found = await this.tracking.attempts(tenantCallerOf(request).tenantId, id);
    const { attempts, logs } = found ?? absent(id);
    return attemptsView(id, attempts, logs);
  }

  @Get(':distribution_id/events')
  @Endpoint({ summary: 'State transitions in order', access: 'distribution:read' })
  async events(@Req() request: ApiRequest, @Param('distribution_id') id: string) {
    return eventsView(id, (await this.tracking.events(tenantCallerOf(request).tenantId, id)) ?? absent(id));
  }

  @Get('batch/:batch_id/status')
  @Endpoint({ summary: 'A batch', access: 'distribution:read' })
  async batchStatus(@Req() request: ApiRequest, @Param('batch_id') id: string) {
    const { tenantId } = tenantCallerOf(request);
    const found = isUuid(id) ? await this.tracking.batch(tenantId, id as BatchId) : undefined;
    if (found === undefined) throw notFound(`batch ${id}`);
    return batchStatusView(found);
  }

  @Get('list')
  @Endpoint({ summary: 'Jobs, the newest first', access: 'distribution:read', query: listQuery })
  async list(@Req() request: ApiRequest, @Query() query: unknown) {
    const caller = tenantCallerOf(request);
    const { tenant_id, ...filter } = parsed(listQuery, query);
    checkTenant(caller, tenant_id);
    const { jobs, nextCursor } = await this.jobs.page(caller.tenantId, filter);
    const { limit, offset } = filter;
    return { distributions: jobs.map(jobView), limit, offset, next_cursor: nextCursor ?? null };
  }

  @Post(':distribution_id/cancel')
  @Endpoint({ summary: 'Cancel what has not been sent', access: 'distribution:manage' })
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

  private answer(acceptance: Acceptance, reply: ApiReply) {
    switch (acceptance.kind) {
      case 'accepted':
        return receiptView(acceptance.receipt);
      case 'replayed':
        void reply.code(200);
        return { ...receiptView(acceptance.receipt), idempotent_replay: true };
      case 'conflict':
        throw conflict(acceptance.issue.field, acceptance.issue.issue);
      case 'invalid':
        throw new ApiError('VALIDATION_ERROR', 'the submission is not valid', acceptance.issues);
    }
  }

  private async submitBatch(
    items: BatchItem[],
    options: z.infer<typeof bulkSchema>['options'],
    request: ApiRequest,
    caller: TenantCaller,
  ) {
    if (items.length > this.settings.maxItems) throw tooMany(this.settings.maxItems);
    if (items.length === 0) throw new ApiError('VALIDATION_ERROR', 'the batch is empty');
    return batchAnswer(await this.batches.submit(items, options, circumstances(request, caller)));
  }
}

function batchAnswer(acceptance: BatchAcceptance) {
  if (acceptance.kind === 'accepted') return batchReceiptView(acceptance.receipt);
  if (acceptance.kind === 'invalid') {
    throw new ApiError('VALIDATION_ERROR', 'the batch is not valid', acceptance.issues);
  }
  const conflicts = acceptance.rejected.every(({ error }) => error === 'CONFLICT');
  throw new ApiError(
    conflicts ? 'CONFLICT' : 'VALIDATION_ERROR',
    'nothing was accepted, because fail_fast was asked for and something was wrong',
    acceptance.rejected.flatMap(({ index, details }) =>
      details.map(({ field, issue }) => ({ field: `distributions[${index}].${field}`, issue })),
    ),
  );
}

const circumstances = (request: ApiRequest, caller: TenantCaller) => ({
  caller,
  correlationId: saneRequestId(header(request, 'x-correlation-id')) ?? request.id,
  idempotencyKey: header(request, 'idempotency-key'),
});

function absent(id: string): never {
  throw notFound(`distribution ${id}`);
}
