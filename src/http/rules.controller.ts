import { Body, Controller, Delete, Get, Param, Patch, Post, Put, Query, Req } from '@nestjs/common';
import { ApiHeader, ApiSecurity, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Intake } from '../intake/accept';
import { Rulings } from '../intake/rulings';
import { submissionSchema } from '../intake/submission';
import { ApiError } from '../kernel/errors';
import { RULE_TYPES } from '../rules/actions';
import { parsePattern } from '../rules/pattern';
import { Rules } from '../tenants/rules';
import { Endpoint } from './endpoint';
import { jsonObject } from '../kernel/fields';
import { parsed } from './parsed';
import { type ApiRequest, callerOf, idempotencyKeyOf, tenantCallerOf } from './request';
import { checkTenant } from '../tenants/scopes';

const name = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[^\u0000-\u001f\u007f]+$/, 'must not contain control characters');
const priority = z.number().int().min(-1_000_000).max(1_000_000);

const ruleSchema = z.strictObject({
  name,
  description: z.string().max(2000).nullish(),
  rule_type: z.enum(RULE_TYPES),
  conditions: jsonObject.default({}),
  actions: jsonObject,
  priority: priority.default(0),
  enabled: z.boolean().default(true),
  tenant_id: z.string().nullish(),
});

const rulePatch = z
  .strictObject({
    name,
    description: z.string().max(2000).nullable(),
    rule_type: z.enum(RULE_TYPES),
    conditions: jsonObject,
    actions: jsonObject,
    priority,
    enabled: z.boolean(),
  })
  .partial();

const listQuery = z.strictObject({
  rule_type: z.enum(RULE_TYPES).optional(),
  enabled: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  offset: z.coerce.number().int().min(0).max(1_000_000).default(0),
});

const matchSchema = z.strictObject({ pattern: jsonObject, event: jsonObject });

const TENANT_HEADER = {
  name: 'X-Tenant-ID',
  required: false,
  description: "Where the key is a platform key; without it, the platform's own rules.",
};

@ApiTags('rules')
@ApiSecurity('api_key')
@ApiHeader(TENANT_HEADER)
@Controller('api/v1/rules')
export class RulesController {
  constructor(private readonly rules: Rules) {}

  @Post()
  @Endpoint({ summary: 'Make a rule', access: 'config:write', answer: 'Rule', status: 201, body: ruleSchema })
  create(@Req() request: ApiRequest, @Body() body: unknown) {
    return this.rules.create(callerOf(request), parsed(ruleSchema, body));
  }

  @Get()
  @Endpoint({
    summary: 'Rules in the order of evaluation',
    access: 'config:read',
    answer: 'RuleList',
    query: listQuery,
  })
  async list(@Req() request: ApiRequest, @Query() query: unknown) {
    const filter = parsed(listQuery, query);
    const { limit, offset } = filter;
    return { rules: await this.rules.list(callerOf(request), filter), limit, offset };
  }

  @Get(':id')
  @Endpoint({ summary: 'One rule', access: 'config:read', answer: 'Rule' })
  get(@Req() request: ApiRequest, @Param('id') id: string) {
    return this.rules.get(callerOf(request), id);
  }

  @Get(':id/versions')
  @Endpoint({ summary: 'Every version, the newest first', access: 'config:read' })
  async versions(@Req() request: ApiRequest, @Param('id') id: string) {
    return { versions: await this.rules.versions(callerOf(request), id) };
  }

  @Put(':id')
  @Endpoint({ summary: 'Replace a rule', access: 'config:write', answer: 'Rule', body: ruleSchema })
  replace(@Req() request: ApiRequest, @Param('id') id: string, @Body() body: unknown) {
    return this.rules.replace(callerOf(request), id, parsed(ruleSchema, body));
  }

  @Patch(':id')
  @Endpoint({
    summary: 'Change a rule; conditions and actions are replaced as a whole',
    access: 'config:write',
    answer: 'Rule',
    body: rulePatch,
  })
  patch(@Req() request: ApiRequest, @Param('id') id: string, @Body() body: unknown) {
    return this.rules.patch(callerOf(request), id, parsed(rulePatch, body));
  }

  @Delete(':id')
  @Endpoint({ summary: 'Delete a rule', access: 'config:write', status: 204 })
  remove(@Req() request: ApiRequest, @Param('id') id: string) {
    return this.rules.remove(callerOf(request), id);
  }

  @Post(':id/enable')
  @Endpoint({ summary: 'Put a rule in force', access: 'config:write', answer: 'Rule' })
  enable(@Req() request: ApiRequest, @Param('id') id: string) {
    return this.rules.setEnabled(callerOf(request), id, true);
  }

  @Post(':id/disable')
  @Endpoint({ summary: 'Take a rule out of force', access: 'config:write', answer: 'Rule' })
  disable(@Req() request: ApiRequest, @Param('id') id: string) {
    return this.rules.setEnabled(callerOf(request), id, false);
  }
}

/** Trying rules out: nothing is written, nothing is sent. */
@ApiTags('rules')
@ApiSecurity('api_key')
@ApiHeader(TENANT_HEADER)
@Controller('api/v1/rules')
export class RuleTrialsController {
  constructor(
    private readonly intake: Intake,
    private readonly rulings: Rulings,
  ) {}

  @Post('match')
  @Endpoint({
    summary: 'Whether a pattern matches an event',
    access: 'config:read',
    answer: 'RuleMatch',
    body: matchSchema,
  })
  match(@Body() body: unknown) {
    const { pattern: input, event } = parsed(matchSchema, body);
    const result = parsePattern(input, 'pattern');
    if (!result.ok) throw new ApiError('VALIDATION_ERROR', 'the pattern is not valid', result.issues);
    return this.rulings.matches(result.pattern, event);
  }

  @Post('explain')
  @Endpoint({
    summary: 'What a submission would become, and why each rule did or did not apply',
    access: 'config:read',
    answer: 'Explanation',
    body: submissionSchema,
  })
  async explain(@Req() request: ApiRequest, @Body() body: unknown) {
    const caller = tenantCallerOf(request);
    const submission = parsed(submissionSchema, body);
    checkTenant(caller, submission.tenant_id);
    const idempotencyKey = idempotencyKeyOf(request);
    const result = await this.intake.explain(submission, {
      caller,
      correlationId: undefined,
      idempotencyKey,
    });
    if (result.ok) return result.explanation;
    throw new ApiError('VALIDATION_ERROR', 'the submission is not valid', result.issues);
  }
}
