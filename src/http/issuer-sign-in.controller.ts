import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { IssuerSignIn, SIGN_IN_SECONDS } from '../identity/issuer-sign-in';
import { Sessions } from '../identity/sessions';
import { SESSION_IDLE_SECONDS } from '../identity/sessions.sql';
import { isTenantId, type TenantId } from '../kernel/ids';
import { begunSignIn, clearBegunSignIn, keepBegunSignIn, setRefreshToken } from './cookies';
import { Endpoint } from './endpoint';
import { parsed } from './parsed';
import { type ApiReply, type ApiRequest } from './request';
import { HttpSettings } from './settings';

const startQuery = z.strictObject({
  tenant_id: z.string().refine(isTenantId, 'is not a tenant id').optional(),
});

/** Issuers add what they like. */
const callbackQuery = z.object({
  code: z.string().max(4000).optional(),
  state: z.string().max(200).optional(),
  iss: z.string().max(2000).optional(),
});

@ApiTags('sign-in')
@Controller('api/v1/auth/oidc')
export class IssuerSignInController {
  constructor(
    private readonly issuer: IssuerSignIn,
    private readonly sessions: Sessions,
    private readonly settings: HttpSettings,
  ) {}

  @Get()
  @Endpoint({ summary: 'Whether an issuer is configured', access: 'public', answer: 'IssuerState' })
  state() {
    return { configured: this.issuer.isConfigured };
  }

  @Get('start')
  @Endpoint({
    summary:
      'Sign in at the configured issuer: leads the browser there; without tenant_id for users of the platform',
    access: 'public',
    status: 302,
    query: startQuery,
  })
  async start(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Query() query: unknown,
  ): Promise<void> {
    const { tenant_id } = parsed(startQuery, query);
    const { location, kept } = await this.issuer.begin((tenant_id as TenantId | undefined) ?? null);
    keepBegunSignIn(request, reply, kept, SIGN_IN_SECONDS);
    void reply.header('location', location);
  }

  @Get('callback')
  @Endpoint({
    summary:
      'Where the issuer leads the browser back to: sets the cookie of sign-in and leads to the console',
    access: 'public',
    status: 302,
    query: callbackQuery,
  })
  async callback(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Query() query: unknown,
  ): Promise<void> {
    const answer = parsed(callbackQuery, query);
    const kept = begunSignIn(request);
    clearBegunSignIn(request, reply);
    const from = { address: request.ip, requestId: request.id };
    const { refreshToken } = await this.sessions.signInVouched(from, () => this.issuer.end(answer, kept));
    if (refreshToken !== undefined) setRefreshToken(request, reply, refreshToken, SESSION_IDLE_SECONDS);
    void reply.header('location', this.settings.afterSignIn);
  }
}
