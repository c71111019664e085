import { Body, Controller, Get, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiSecurity, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { notFound } from '../kernel/errors';
import { type DeadLetterId, isUuid } from '../kernel/ids';
import { DeadLetters } from '../replay/dead-letters';
import { BulkOperations } from '../replay/operations';
import { type LetterSelection } from '../replay/order';
import { checkTenant, may } from '../tenants/scopes';
import { Endpoint } from './endpoint';
import { page } from './page';
import { letterFilter } from './filters';
import { dryRun, operationAnswer, pace } from './operation-answer';
import { parsed } from './parsed';
import { deadLetterDetailView, deadLetterView } from './replay-views';
import { type ApiReply, type ApiRequest, tenantCallerOf } from './request';

const listQuery = z.strictObject({
  tenant_id: z.string().optional(),
  status: z.enum(['dead', 'redriven', 'discarded']).default('dead'),
  ...letterFilter,
  ...page,
});

const selection = {
  ids: z.array(z.uuid()).min(1).max(1000).optional(),
  filter: z
    .strictObject(letterFilter)
    .refine((filter) => Object.keys(filter).length > 0, 'name at least one condition')
    .optional(),
};
const isOne = ({ ids, filter }: { ids?: unknown; filter?: unknown }): boolean =>
  (ids === undefined) !== (filter === undefined);
const ONE = { path: ['ids'], message: 'give either ids or filter' };

const redriveSchema = z
  .strictObject({ ...selection, reason: z.string().min(1).max(500).optional(), ...pace })
  .refine(isOne, ONE);
const discardSchema = z
  .strictObject({ ...selection, reason: z.string().min(1).max(500), ...dryRun })
  .refine(isOne, ONE);

@ApiTags('dead letters')
@ApiSecurity('api_key')
@Controller('api/v1/dead-letters')
export class DeadLettersController {
  constructor(
    private readonly letters: DeadLetters,
    private readonly operations: BulkOperations,
  ) {}

  @Get()
  @Endpoint({
    summary: 'Deliveries that were given up, the latest first',
    access: 'distribution:read',
    answer: 'DeadLetterPage',
    query: listQuery,
  })
  async list(@Req() request: ApiRequest, @Query() query: unknown) {
    const caller = tenantCallerOf(request);
    const { tenant_id, ...filter } = parsed(listQuery, query);
    checkTenant(caller, tenant_id);
    const { letters, nextCursor } = await this.letters.page(caller.tenantId, filter);
    return {
      dead_letters: letters.map(deadLetterView),
      limit: filter.limit,
      next_cursor: nextCursor,
    };
  }

  @Get(':dead_letter_id')
  @Endpoint({
    summary: 'One of them with its attempts, and with the payload for keys that may replay',
    access: 'distribution:read',
    answer: 'DeadLetterDetail',
  })
  async inspect(@Req() request: ApiRequest, @Param('dead_letter_id') id: string) {
    const caller = tenantCallerOf(request);
    const found = isUuid(id) ? await this.letters.inspect(caller.tenantId, id as DeadLetterId) : undefined;
    if (found === undefined) throw notFound(`dead letter ${id}`);
    return deadLetterDetailView(found, may(caller, 'distribution:manage'));
  }

  @Post('redrive')
  @Endpoint({
    summary: 'Send them again, by ids or by a filter, or count them (dry_run)',
    access: 'distribution:manage',
    status: 202,
    body: redriveSchema,
  })
  async redrive(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Body() body: unknown,
  ) {
    const { ids, filter, ...rest } = parsed(redriveSchema, body);
    const order = { kind: 'redrive', selection: chosen(ids, filter) } as const;
    return operationAnswer(this.operations, tenantCallerOf(request), reply, { order, ...rest });
  }

  @Post('discard')
  @Endpoint({
    summary: 'Give them up for good, by ids or by a filter, or count them (dry_run)',
    access: 'distribution:manage',
    status: 202,
    body: discardSchema,
  })
  async discard(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Body() body: unknown,
  ) {
    const { ids, filter, ...rest } = parsed(discardSchema, body);
    const order = { kind: 'discard', selection: chosen(ids, filter) } as const;
    return operationAnswer(this.operations, tenantCallerOf(request), reply, { order, ...rest });
  }
}

const chosen = (
  ids: string[] | undefined,
  filter: z.infer<typeof discardSchema>['filter'],
): LetterSelection => (ids === undefined ? { filter: filter ?? {} } : { ids });
