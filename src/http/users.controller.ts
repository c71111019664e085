import { Body, Controller, Delete, Get, Param, Patch, Post, Req } from '@nestjs/common';
import { ApiHeader, ApiSecurity, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { LONGEST_PASSWORD, SHORTEST_PASSWORD, USERNAME, USERNAME_RULE } from '../identity/credential-rules';
import { ROLES } from '../identity/roles';
import { USER_STATUSES, Users } from '../identity/users';
import { notFound } from '../kernel/errors';
import { isUuid, type UserId } from '../kernel/ids';
import { Endpoint } from './endpoint';
import { parsed } from './parsed';
import { type ApiRequest, callerOf } from './request';

export const newPassword = z.string().min(SHORTEST_PASSWORD).max(LONGEST_PASSWORD);
const email = z.email().max(254).toLowerCase().nullable();

const userSchema = z.strictObject({
  username: z.string().regex(USERNAME, USERNAME_RULE),
  email: email.optional(),
  password: newPassword,
  role: z.enum(ROLES),
});

const userPatch = z
  .strictObject({ email, password: newPassword, role: z.enum(ROLES), status: z.enum(USER_STATUSES) })
  .partial();

@ApiTags('users')
@ApiSecurity('api_key')
@ApiHeader({
  name: 'X-Tenant-ID',
  required: false,
  description: 'For platform administrators: whose users; absent, those of the platform.',
})
@Controller('api/v1/users')
export class UsersController {
  constructor(private readonly users: Users) {}

  @Post()
  @Endpoint({ summary: 'Create a user', access: 'tenant:admin', status: 201, body: userSchema })
  create(@Req() request: ApiRequest, @Body() body: unknown) {
    return this.users.create(callerOf(request), parsed(userSchema, body));
  }

  @Get()
  @Endpoint({ summary: 'Users by name', access: 'tenant:admin' })
  async list(@Req() request: ApiRequest) {
    return { users: await this.users.list(callerOf(request)) };
  }

  @Get(':id')
  @Endpoint({ summary: 'One user', access: 'tenant:admin' })
  get(@Req() request: ApiRequest, @Param('id') id: string) {
    return this.users.get(callerOf(request), userId(id));
  }

  @Patch(':id')
  @Endpoint({
    summary: 'Change a user; a new password or the status disabled ends the sessions',
    access: 'tenant:admin',
    body: userPatch,
  })
  update(@Req() request: ApiRequest, @Param('id') id: string, @Body() body: unknown) {
    return this.users.update(callerOf(request), userId(id), parsed(userPatch, body));
  }

  @Delete(':id')
  @Endpoint({ summary: 'Delete a user', access: 'tenant:admin', status: 204 })
  remove(@Req() request: ApiRequest, @Param('id') id: string) {
    return this.users.remove(callerOf(request), userId(id));
  }
}

function userId(id: string): UserId {
  if (!isUuid(id)) throw notFound(`user ${id}`);
  return id as UserId;
}
