import { Body, Controller, Get, Param, Post, Req, Res } from '@nestjs/common';
import { ApiResponse, ApiSecurity, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { conflict, invalid, notFound } from '../kernel/errors';
import { type BatchId, type BulkOperationId, isUuid } from '../kernel/ids';
import { CallbackReplays, type CallbackSubject } from '../callbacks/replay';
import { BulkOperations } from '../replay/operations';
import { Replays } from '../replay/single';
import { answerRef } from './answers';
import { Endpoint } from './endpoint';
import { jobFilter } from './filters';
import { operationAnswer, pace } from './operation-answer';
import { parsed } from './parsed';
import { type ApiReply, type ApiRequest, tenantCallerOf } from './request';
import { callbackView, operationView, replayView } from './replay-views';

const destinationNames = z.array(z.string().max(100)).min(1).max(1000);
const reason = z.string().min(1).max(500);

const replaySchema = z.strictObject({
  destinations: destinationNames.optional(),
  only_failed: z.boolean().default(true),
  reason: reason.optional(),
});

const bulkReplaySchema = z.strictObject({
  filter: z
    .strictObject({
      ...jobFilter,
      status: z.enum(['completed', 'failed', 'cancelled']).default('failed'),
    })
    .refine((filter) => Object.keys(filter).length > 1, 'name at least one condition beside status'),
  only_failed: z.boolean().default(true),
  reason: reason.optional(),
  ...pace,
});

const callbacksSchema = z.strictObject({
  callback_ids: z.array(z.uuid()).min(1).max(1000).optional(),
  only_failed: z.boolean().default(true),
});

@ApiTags('distribution')
@ApiSecurity('api_key')
@Controller('api/v1/distribution')
export class ReplayController {
  constructor(
    private readonly replays: Replays,
    private readonly operations: BulkOperations,
    private readonly callbacks: CallbackReplays,
  ) {}

  @Post('replay')
  @ApiResponse({ status: 200, description: 'Only counted.', schema: answerRef('DryRun') })
  @Endpoint({
    summary: 'Replay many jobs by a filter, or count them (dry_run)',
    access: 'distribution:manage',
    answer: 'BulkOperation',
    status: 202,
    body: bulkReplaySchema,
  })
  async replayMany(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Body() body: unknown,
  ) {
    const { filter, only_failed, ...rest } = parsed(bulkReplaySchema, body);
    if (filter.status === 'completed' && only_failed) {
      throw invalid('only_failed', 'must be false for completed jobs: nothing of them failed');
    }
    const order = { kind: 'replay', selection: { filter, only_failed } } as const;
    return operationAnswer(this.operations, tenantCallerOf(request), reply, { order, ...rest });
  }

  @Post(':distribution_id/replay')
  @Endpoint({
    summary: 'Send again what failed or was cancelled, or everything',
    access: 'distribution:manage',
    answer: 'Replay',
    status: 202,
    body: replaySchema,
  })
  async replay(@Req() request: ApiRequest, @Param('distribution_id') id: string, @Body() body: unknown) {
    const { destinations, only_failed: onlyFailed, reason } = parsed(replaySchema, body ?? {});
    const replayed = await this.replays.replay(tenantCallerOf(request), id, {
      destinations,
      onlyFailed,
      reason,
    });
    switch (replayed.kind) {
      case 'unknown':
        throw notFound(`distribution ${id}`);
      case 'not_its_destination':
        throw invalid(
          `destinations[${replayed.index}]`,
          `is no destination of this job; its status names them`,
        );
      case 'cancelling':
        throw conflict(
          'status',
          'the job is being cancelled and a delivery is in flight; replay when it has ended',
        );
      case 'replayed':
        return replayView(id, replayed);
    }
  }

  @Get(':distribution_id/callbacks')
  @Endpoint({ summary: 'The callbacks of a job', access: 'distribution:read', answer: 'Callbacks' })
  async callbacksOf(@Req() request: ApiRequest, @Param('distribution_id') id: string) {
    return { distribution_id: id, ...(await this.listed(request, { distributionId: id })) };
  }

  @Post(':distribution_id/callbacks/replay')
  @Endpoint({
    summary: 'Send callbacks of a job again',
    access: 'distribution:manage',
    status: 202,
    body: callbacksSchema,
  })
  async replayCallbacks(
    @Req() request: ApiRequest,
    @Param('distribution_id') id: string,
    @Body() body: unknown,
  ) {
    return { distribution_id: id, ...(await this.again(request, { distributionId: id }, body)) };
  }

  @Get('batch/:batch_id/callbacks')
  @Endpoint({ summary: 'The callbacks of a batch', access: 'distribution:read' })
  async callbacksOfBatch(@Req() request: ApiRequest, @Param('batch_id') id: string) {
    return { batch_id: id, ...(await this.listed(request, batchNamed(id))) };
  }

  @Post('batch/:batch_id/callbacks/replay')
  @Endpoint({
    summary: 'Send callbacks of a batch again',
    access: 'distribution:manage',
    status: 202,
    body: callbacksSchema,
  })
  async replayCallbacksOfBatch(
    @Req() request: ApiRequest,
    @Param('batch_id') id: string,
    @Body() body: unknown,
  ) {
    return { batch_id: id, ...(await this.again(request, batchNamed(id), body)) };
  }

  private async listed(request: ApiRequest, subject: CallbackSubject) {
    const callbacks = await this.callbacks.list(tenantCallerOf(request).tenantId, subject);
    if (callbacks === undefined) throw notFound(nameOf(subject));
    return { callbacks: callbacks.map(callbackView) };
  }

  private async again(request: ApiRequest, subject: CallbackSubject, body: unknown) {
    const { callback_ids: ids, only_failed: onlyFailed } = parsed(callbacksSchema, body ?? {});
    const replayed = await this.callbacks.replay(tenantCallerOf(request), subject, { ids, onlyFailed });
    if (replayed === undefined) throw notFound(nameOf(subject));
    return { replayed_callbacks: replayed };
  }
}

const nameOf = (subject: CallbackSubject): string =>
  'batchId' in subject ? `batch ${subject.batchId}` : `distribution ${subject.distributionId}`;

function batchNamed(id: string): CallbackSubject {
  if (!isUuid(id)) throw notFound(`batch ${id}`);
  return { batchId: id as BatchId };
}

@ApiTags('bulk operations')
@ApiSecurity('api_key')
@Controller('api/v1/bulk-operations')
export class BulkOperationsController {
  constructor(private readonly operations: BulkOperations) {}

  @Get()
  @Endpoint({
    summary: 'The latest 100 replays, redrives and discards of many',
    access: 'distribution:read',
  })
  async list(@Req() request: ApiRequest) {
    const latest = await this.operations.latest(tenantCallerOf(request).tenantId);
    return { operations: latest.map(operationView) };
  }

  @Get(':operation_id')
  @Endpoint({ summary: 'How far a bulk operation is', access: 'distribution:read', answer: 'BulkOperation' })
  async get(@Req() request: ApiRequest, @Param('operation_id') id: string) {
    return operationView(await this.found(request, id));
  }

  @Post(':operation_id/cancel')
  @Endpoint({
    summary: 'Stop a bulk operation where it is',
    access: 'distribution:manage',
    answer: 'BulkOperation',
  })
  async cancel(@Req() request: ApiRequest, @Param('operation_id') id: string) {
    const { status, id: operationId } = await this.found(request, id);
    const cancelled = await this.operations.cancel(tenantCallerOf(request), operationId);
    if (cancelled === undefined) {
      throw conflict('status', `the operation is over (${status}); there is nothing to stop`);
    }
    return operationView(cancelled);
  }

  private async found(request: ApiRequest, id: string) {
    const { tenantId } = tenantCallerOf(request);
    const found = isUuid(id) ? await this.operations.find(tenantId, id as BulkOperationId) : undefined;
    if (found === undefined) throw notFound(`bulk operation ${id}`);
    return found;
  }
}
