import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ApiError } from '../kernel/errors';
import { may } from '../tenants/scopes';
import { type Access, SCOPE } from './endpoint';
import { type ApiRequest, callerOf } from './request';

/** The one place that lets a request through to an endpoint. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const access = this.reflector.get<Access | undefined>(SCOPE, context.getHandler());
    if (access === undefined) throw new Error(`${context.getHandler().name} has no scope`);
    if (access === 'public') return true;
    const caller = callerOf(context.switchToHttp().getRequest<ApiRequest>());
    if (access === 'authenticated' || may(caller, access)) return true;
    throw new ApiError('AUTHORIZATION_FAILED', `your key lacks the scope ${access}`);
  }
}
