import { Body, Controller, Get, Post, Req, Res } from '@nestjs/common';
import { ApiSecurity, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { LONGEST_PASSWORD } from '../identity/credential-rules';
import { Sessions, type SignedIn } from '../identity/sessions';
import { SESSION_IDLE_SECONDS } from '../identity/sessions.sql';
import { ApiError } from '../kernel/errors';
import { clearRefreshToken, refreshTokenOf, setRefreshToken } from './cookies';
import { Endpoint } from './endpoint';
import { parsed } from './parsed';
import { type ApiReply, type ApiRequest, callerOf } from './request';
import { newPassword } from './users.controller';

const typedPassword = z
  .string()
  .min(1)
  .max(LONGEST_PASSWORD * 4);

const loginSchema = z.strictObject({
  tenant_id: z.string().max(50).nullish().describe('Absent for users of the platform.'),
  username: z.string().trim().toLowerCase().min(1).max(254).describe('The user name or the e-mail address.'),
  password: typedPassword,
});

const passwordSchema = z.strictObject({ current_password: typedPassword, new_password: newPassword });

@ApiTags('sign-in')
@Controller('api/v1/auth')
export class AuthController {
  constructor(private readonly sessions: Sessions) {}

  @Post('login')
  @Endpoint({
    summary: 'Sign in: an access token, and a refresh token in a cookie',
    access: 'public',
    answer: 'SignedIn',
    body: loginSchema,
  })
  async login(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Body() body: unknown,
  ) {
    const { tenant_id, username, password } = parsed(loginSchema, body);
    const attempt = { tenantId: tenant_id ?? null, username, address: request.ip, requestId: request.id };
    return answer(request, reply, await this.sessions.signIn(attempt, password));
  }

  @Post('refresh')
  @Endpoint({
    summary: 'A new access token for the cookie of sign-in',
    access: 'public',
    answer: 'SignedIn',
  })
  async refresh(@Req() request: ApiRequest, @Res({ passthrough: true }) reply: ApiReply) {
    const token = refreshTokenOf(request);
    const signedIn = token === undefined ? undefined : await this.sessions.refresh(token, request.id);
    if (signedIn !== undefined) return answer(request, reply, signedIn);
    if (token !== undefined) clearRefreshToken(request, reply);
    throw new ApiError('AUTHENTICATION_FAILED', 'the session has ended; sign in again');
  }

  @Post('logout')
  @Endpoint({ summary: 'End the session of the cookie', access: 'public', status: 204 })
  async logout(@Req() request: ApiRequest, @Res({ passthrough: true }) reply: ApiReply): Promise<void> {
    const token = refreshTokenOf(request);
    if (token !== undefined) await this.sessions.signOut(token);
    clearRefreshToken(request, reply);
  }

  @Get('me')
  @ApiSecurity('api_key')
  @Endpoint({ summary: 'Who is asking, with which rights', access: 'authenticated', answer: 'Identity' })
  async me(@Req() request: ApiRequest) {
    const caller = callerOf(request);
    const { actor, tenantId, scopes, userId } = caller;
    const user = userId === undefined ? null : userView(await this.sessions.userOf(caller));
    return { actor, tenant_id: tenantId ?? null, scopes: [...scopes], user };
  }

  @Post('password')
  @ApiSecurity('api_key')
  @Endpoint({
    summary: 'Change the own password: ends every other session',
    access: 'authenticated',
    body: passwordSchema,
  })
  async changePassword(
    @Req() request: ApiRequest,
    @Res({ passthrough: true }) reply: ApiReply,
    @Body() body: unknown,
  ) {
    const { current_password, new_password } = parsed(passwordSchema, body);
    const caller = callerOf(request);
    return answer(
      request,
      reply,
      await this.sessions.changePassword(caller, request.ip, current_password, new_password),
    );
  }
}

function answer(request: ApiRequest, reply: ApiReply, signedIn: SignedIn) {
  const { accessToken, expiresIn, refreshToken, user } = signedIn;
  if (refreshToken !== undefined) setRefreshToken(request, reply, refreshToken, SESSION_IDLE_SECONDS);
  return { access_token: accessToken, token_type: 'Bearer', expires_in: expiresIn, user: userView(user) };
}

const userView = ({ user_id, tenant_id, username, email, role }: SignedIn['user']) => ({
  id: user_id,
  tenant_id,
  username,
  email,
  role,
});
