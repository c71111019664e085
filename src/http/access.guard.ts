import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ApiError, notFound } from '../kernel/errors';
import { type Caller, may } from '../tenants/scopes';
import { TenantDirectory } from '../tenants/tenant-directory';
import { type Access, SCOPE } from './endpoint';
import { assertMayReadMetrics } from './metrics-access';
import { type ApiRequest, callerOf } from './request';
import { HttpSettings } from './settings';

/** The one place that lets a request through to an endpoint. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly tenants: TenantDirectory,
    private readonly settings: HttpSettings,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const access = this.reflector.get<Access | undefined>(SCOPE, context.getHandler());
    if (access === undefined) throw new Error(`${context.getHandler().name} has no scope`);
    if (access === 'public') return true;
    const request = context.switchToHttp().getRequest<ApiRequest>();
    if (access === 'metrics') {
      assertMayReadMetrics(request, this.settings.metricsToken);
      return true;
    }
    const caller = callerOf(request);
    if (access !== 'authenticated' && !may(caller, access)) {
      throw new ApiError('AUTHORIZATION_FAILED', `you lack the scope ${access}`);
    }
    if (access !== 'authenticated' && access !== 'platform:admin') await this.refuseUnknownTenant(caller);
    return true;
  }

  /** A tenant's own key proves the tenant; one that a platform key names must exist. */
  private async refuseUnknownTenant({ tenantId, scopes }: Caller): Promise<void> {
    if (tenantId === undefined || !scopes.has('platform:admin')) return;
    if ((await this.tenants.status(tenantId)) === undefined) throw notFound(`tenant ${tenantId}`);
  }
}
