import { Body, Controller, Post, Query, Req, Res } from '@nestjs/common';
import { ApiConsumes, ApiHeader, ApiResponse, ApiSecurity, ApiTags } from '@nestjs/swagger';
import { Readable } from 'node:stream';
import { z } from 'zod';
import { Intake } from '../intake/accept';
import { BatchIntake, type BatchAcceptance, type BatchItem } from '../intake/accept-batch';
import { answerOf } from '../intake/answer';
import { bulkSchema, submissionSchema } from '../intake/submission';
import { type Circumstances } from '../intake/prepare';
import { ApiError, invalid } from '../kernel/errors';
import { saneRequestId } from '../kernel/ids';
import { RateLimits } from '../limits/rate-limits';
import { checkTenant, type TenantCaller } from '../tenants/scopes';
import { answerRef } from './answers';
import { Endpoint, TENANT_HEADER } from './endpoint';
import { parsed } from './parsed';
import { admitJobs } from './rate-limit';
import { HttpSettings } from './settings';
import { readNdjson, tooMany } from './ndjson';
import { type ApiReply, type ApiRequest, header, idempotencyKeyOf, tenantCallerOf } from './request';
import { batchReceiptView } from './views';

/** Lines have no place for what a JSON batch says beside its distributions. */
const linesQuery = z.strictObject({
  tenant_id: z.string().optional(),
  fail_fast: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional(),
  callback_url: z.string().max(2048).optional(),
});

@ApiTags('distribution')
@ApiSecurity('api_key')
@ApiHeader(TENANT_HEADER)
@Controller('api/v1/distribution')
export class SubmissionController {
  constructor(
    private readonly intake: Intake,
    private readonly batches: BatchIntake,
    private readonly limits: RateLimits,
    private readonly settings: HttpSettings,
  ) {}

  @Post('submit')
  @ApiHeader({ name: 'Idempotency-Key', required: false })
  @ApiResponse({ status: 200, description: 'It was accepted before.', schema: answerRef('Receipt') })
  @Endpoint({
    summary: 'Accept one job',
    access: 'distribution:submit',
    answer: 'Receipt',
    status: 202,
    body: submissionSchema,
  })
  async submit(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Body() body: unknown,
  ) {
    const caller = tenantCallerOf(request);
    const submission = parsed(submissionSchema, body);
    checkTenant(caller, submission.tenant_id);
    await admitJobs(this.limits, caller, 1, reply);
    const answer = answerOf(await this.intake.submit(submission, circumstances(request, caller)));
    if (answer.idempotent_replay === true) void reply.code(200);
    return answer;
  }

  @Post('bulk-submit')
  @ApiResponse({ status: 200, description: 'It was accepted before.', schema: answerRef('BatchReceipt') })
  @ApiConsumes('application/json', 'application/x-ndjson')
  @Endpoint({
    summary: 'Accept many jobs',
    access: 'distribution:submit',
    answer: 'BatchReceipt',
    status: 202,
    query: linesQuery,
    body: bulkSchema,
  })
  async bulkSubmit(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Body() body: unknown,
    @Query() query: unknown,
  ) {
    const caller = tenantCallerOf(request);
    if (body instanceof Readable) {
      const { tenant_id, ...options } = parsed(linesQuery, query);
      checkTenant(caller, tenant_id);
      const items = await readNdjson(body, this.settings);
      return this.submitBatch(items, options, circumstances(request, caller), reply);
    }
    const bulk = parsed(bulkSchema, body);
    checkTenant(caller, bulk.tenant_id);
    const items = bulk.distributions.map((item) => ({ body: item }));
    return this.submitBatch(items, bulk.options, circumstances(request, caller), reply);
  }

  private async submitBatch(
    items: BatchItem[],
    options: z.infer<typeof bulkSchema>['options'],
    around: Circumstances,
    reply: ApiReply,
  ) {
    if (items.length > this.settings.maxItems) throw tooMany(this.settings.maxItems);
    if (items.length === 0) throw invalid('distributions', 'is empty; send one job at least');
    await admitJobs(this.limits, around.caller, items.length, reply);
    const acceptance = await this.batches.submit(items, options, around);
    if (acceptance.kind === 'replayed') void reply.code(200);
    return batchAnswer(acceptance);
  }
}

function batchAnswer(acceptance: BatchAcceptance) {
  if (acceptance.kind === 'accepted') return batchReceiptView(acceptance.receipt);
  if (acceptance.kind === 'replayed') {
    return { ...batchReceiptView(acceptance.receipt), idempotent_replay: true };
  }
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

const circumstances = (request: ApiRequest, caller: TenantCaller): Circumstances => ({
  caller,
  correlationId: saneRequestId(header(request, 'x-correlation-id')) ?? request.id,
  idempotencyKey: idempotencyKeyOf(request),
});
