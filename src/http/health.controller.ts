import { Controller, Get, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Metrics } from '../observability/metrics';
import { Endpoint } from './endpoint';
import { HealthChecks, type HealthReport } from './health-checks';
import { type ApiReply } from './request';

@ApiTags('health')
@Controller()
export class HealthController {
  constructor(
    private readonly checks: HealthChecks,
    private readonly metrics: Metrics,
  ) {}

  @Get('health/live')
  @Endpoint({ summary: 'The process runs', access: 'public' })
  live() {
    return this.checks.live();
  }

  @Get('health/ready')
  @Endpoint({ summary: 'The process can take work', access: 'public' })
  async ready(@Res({ passthrough: true }) reply: ApiReply) {
    return withStatus(reply, await this.checks.ready());
  }

  @Get('health/startup')
  @Endpoint({ summary: 'The process has started', access: 'public' })
  async startup(@Res({ passthrough: true }) reply: ApiReply) {
    return withStatus(reply, await this.checks.ready());
  }

  @Get('health/detailed')
  @Endpoint({ summary: 'Each check with its figures', access: 'authenticated' })
  async detailed(@Res({ passthrough: true }) reply: ApiReply) {
    return withStatus(reply, await this.checks.detailed());
  }

  @Get('metrics')
  @Endpoint({ summary: 'Metrics for Prometheus', access: 'metrics' })
  async prometheus(@Res({ passthrough: true }) reply: ApiReply) {
    void reply.type(this.metrics.registry.contentType);
    return this.metrics.registry.metrics();
  }
}

function withStatus(reply: ApiReply, report: HealthReport): HealthReport {
  if (report.status === 'unhealthy') void reply.code(503).header('retry-after', 5);
  return report;
}
