import { Body, Controller, Get, Param, Post, Query, Req } from '@nestjs/common';
import { ApiHeader, ApiSecurity, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { DestinationTrials } from '../delivery/trial';
import { HealthHistory } from '../health/history';
import { Destinations, type TriedDestination } from '../tenants/destinations';
import { type TenantCaller } from '../tenants/scopes';
import { destinationSchema } from './configuration.controllers';
import { Endpoint, TENANT_HEADER } from './endpoint';
import { jsonObject } from '../kernel/fields';
import { page } from './page';
import { parsed } from './parsed';
import { type ApiRequest, tenantCallerOf } from './request';
import { trialView } from './trial-view';

const trialFields = {
  send: z.boolean().default(false),
  payload: jsonObject.optional(),
  data_type: z.string().min(1).max(50).default('test'),
  timeout_seconds: z.number().int().min(1).max(60).default(30),
};
const trialSchema = z.strictObject(trialFields);
const unsavedTrialSchema = destinationSchema.extend(trialFields);

const historyQuery = z.strictObject({
  ...page,
  hours: z.coerce.number().int().min(1).max(720).default(24),
});

@ApiTags('destinations')
@ApiSecurity('api_key')
@ApiHeader(TENANT_HEADER)
@Controller('api/v1/destinations')
export class DestinationHealthController {
  constructor(
    private readonly destinations: Destinations,
    private readonly trials: DestinationTrials,
    private readonly history: HealthHistory,
  ) {}

  @Post('test')
  @Endpoint({
    summary: 'Try a destination that is not registered',
    access: 'config:write',
    answer: 'DestinationTest',
    body: unsavedTrialSchema,
  })
  async testUnsaved(@Req() request: ApiRequest, @Body() body: unknown) {
    const caller = tenantCallerOf(request);
    const { send, payload, data_type, timeout_seconds, ...input } = parsed(unsavedTrialSchema, body);
    const tried = await this.destinations.triedUnsaved(caller, input, { send, data_type });
    return this.run(caller, tried, { send, payload, data_type, timeout_seconds });
  }

  @Post(':destination/test')
  @Endpoint({
    summary: 'Connect to a destination, with send: true deliver a sample',
    access: 'config:write',
    answer: 'DestinationTest',
    body: trialSchema,
  })
  async test(@Req() request: ApiRequest, @Param('destination') idOrName: string, @Body() body: unknown) {
    const caller = tenantCallerOf(request);
    const wanted = parsed(trialSchema, body ?? {});
    const { send, data_type } = wanted;
    const tried = await this.destinations.tried(caller, idOrName, { send, data_type });
    return this.run(caller, tried, wanted);
  }

  @Get(':destination/health')
  @Endpoint({
    summary: 'How a destination stands, since when and why, and its checks, the newest first',
    access: 'config:read',
    answer: 'DestinationHealth',
    query: historyQuery,
  })
  health(@Req() request: ApiRequest, @Param('destination') idOrName: string, @Query() query: unknown) {
    return this.history.of(tenantCallerOf(request).tenantId, idOrName, parsed(historyQuery, query));
  }

  private async run(
    { tenantId }: TenantCaller,
    tried: TriedDestination,
    { send, payload, data_type, timeout_seconds }: z.infer<typeof trialSchema>,
  ) {
    const signal = AbortSignal.timeout(timeout_seconds * 1000);
    const destination = { ...tried, tenantId };
    const outcome = send
      ? await this.trials.send(destination, { dataType: data_type, payload }, signal)
      : await this.trials.check(destination, signal);
    return trialView(tried, outcome);
  }
}
