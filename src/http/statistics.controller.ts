import { Controller, Get, Query, Req } from '@nestjs/common';
import { ApiHeader, ApiSecurity, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Statistics } from '../tracking/statistics';
import { Endpoint, TENANT_HEADER } from './endpoint';
import { parsed } from './parsed';
import { type ApiRequest, tenantCallerOf } from './request';

const hoursQuery = z.strictObject({ hours: z.coerce.number().int().min(1).max(720).default(24) });

@ApiTags('statistics')
@ApiSecurity('api_key')
@ApiHeader(TENANT_HEADER)
@Controller('api/v1/stats')
export class StatisticsController {
  constructor(private readonly statistics: Statistics) {}

  @Get('summary')
  @Endpoint({
    summary: 'Deliveries that wait, for how long, and how many were given up',
    access: 'distribution:read',
    answer: 'Summary',
  })
  summary(@Req() request: ApiRequest) {
    return this.statistics.summary(tenantCallerOf(request).tenantId);
  }

  @Get('timeseries')
  @Endpoint({
    summary: 'Jobs by the hour of their submission and by status',
    access: 'distribution:read',
    answer: 'Timeseries',
    query: hoursQuery,
  })
  async timeseries(@Req() request: ApiRequest, @Query() query: unknown) {
    const { hours } = parsed(hoursQuery, query);
    return { hours: await this.statistics.byHour(tenantCallerOf(request).tenantId, hours, new Date()) };
  }
}
