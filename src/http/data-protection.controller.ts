import { Body, Controller, Get, Param, Post, Req, StreamableFile } from '@nestjs/common';
import { ApiProduces, ApiSecurity, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Erasures, type ErasureRow } from '../data-protection/erasures';
import { Exports } from '../data-protection/exports';
import { parseSubjectPath, type Subject } from '../data-protection/subject';
import { ApiError, invalid, notFound } from '../kernel/errors';
import { type ErasureId, isTenantId, isUuid, type TenantId } from '../kernel/ids';
import { foreignTenant } from '../tenants/scopes';
import { Endpoint } from './endpoint';
import { dryRun } from './operation-answer';
import { parsed } from './parsed';
import { type ApiRequest, callerOf } from './request';

const NDJSON = 'application/x-ndjson';

const subject = z.strictObject({
  path: z
    .string()
    .max(500)
    .transform((text, context) => {
      const path = parseSubjectPath(text);
      if (path !== undefined) return path;
      const message =
        'must be payload or metadata and keys, with dots between, e.g. payload.citizen.tax_code';
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    }),
  value: z.union([z.string().min(1).max(1000), z.int()]),
});

const erasureSchema = z.strictObject({
  subject: subject.optional(),
  ...dryRun,
  confirm: z.string().optional(),
});

const exportSchema = z.strictObject({ subject });

@ApiTags('data protection')
@ApiSecurity('api_key')
@Controller('api/v1/tenants')
export class DataProtectionController {
  constructor(
    private readonly erasures: Erasures,
    private readonly exports: Exports,
  ) {}

  @Post(':id/erase')
  @Endpoint({
    summary: 'Erase a data subject, or (platform:admin) the whole tenant; or count what there is (dry_run)',
    access: 'tenant:admin',
    status: 202,
    body: erasureSchema,
    answer: 'Erasure',
  })
  async erase(@Req() request: ApiRequest, @Param('id') id: string, @Body() body: unknown) {
    const tenantId = ownOrAny(request, id);
    const caller = callerOf(request);
    const { subject, dry_run, confirm } = parsed(erasureSchema, body);
    if (subject === undefined) {
      if (!caller.scopes.has('platform:admin')) throw ONLY_PLATFORM;
      if (!dry_run && confirm !== tenantId) {
        throw invalid('confirm', `must be the id of the tenant, which will be erased altogether`);
      }
    }
    return erasureView(await this.erasures.begin(caller, tenantId, { subject, dryRun: dry_run }));
  }

  @Get(':id/erasures')
  @Endpoint({ summary: 'The latest 100 erasures', access: 'tenant:admin', answer: 'ErasureList' })
  async list(@Req() request: ApiRequest, @Param('id') id: string) {
    const latest = await this.erasures.latest(ownOrAny(request, id));
    if (latest === undefined) throw notFound(`tenant ${id}`);
    return { erasures: latest.map(erasureView) };
  }

  @Get(':id/erasures/:erasure_id')
  @Endpoint({ summary: 'How far an erasure is', access: 'tenant:admin', answer: 'Erasure' })
  async get(@Req() request: ApiRequest, @Param('id') id: string, @Param('erasure_id') erasureId: string) {
    const tenantId = ownOrAny(request, id);
    const erasure = isUuid(erasureId)
      ? await this.erasures.find(tenantId, erasureId as ErasureId)
      : undefined;
    if (erasure === undefined) throw notFound(`erasure ${erasureId}`);
    return erasureView(erasure);
  }

  @Get(':id/export')
  @ApiProduces(NDJSON)
  @Endpoint({
    summary: 'Everything of a tenant, as NDJSON; secrets masked',
    access: 'tenant:admin',
    answer: 'ExportLine',
  })
  exportTenant(@Req() request: ApiRequest, @Param('id') id: string) {
    return this.streamed(request, ownOrAny(request, id), undefined);
  }

  @Post(':id/export')
  @ApiProduces(NDJSON)
  @Endpoint({
    summary: 'The jobs about a data subject with their history, as NDJSON',
    access: 'tenant:admin',
    body: exportSchema,
    answer: 'ExportLine',
  })
  exportSubject(@Req() request: ApiRequest, @Param('id') id: string, @Body() body: unknown) {
    const tenantId = ownOrAny(request, id);
    return this.streamed(request, tenantId, parsed(exportSchema, body).subject);
  }

  private async streamed(
    request: ApiRequest,
    id: TenantId,
    about: Subject | undefined,
  ): Promise<StreamableFile> {
    const lines = await this.exports.begin(callerOf(request), id, about);
    return new StreamableFile(lines, {
      type: NDJSON,
      disposition: `attachment; filename="${id}.ndjson"`,
    });
  }
}

const ONLY_PLATFORM = new ApiError(
  'AUTHORIZATION_FAILED',
  'the whole tenant is erased with platform:admin only; name a subject',
  [{ field: 'subject', issue: 'is required: a whole tenant is erased with platform:admin only' }],
);

/** The tenant in the path: the caller's own, or any where he administers the platform. */
function ownOrAny(request: ApiRequest, id: string): TenantId {
  const { tenantId } = callerOf(request);
  if (tenantId !== undefined && tenantId !== id) throw foreignTenant('id');
  if (!isTenantId(id)) throw notFound(`tenant ${id}`);
  return id;
}

const erasureView = ({ id, ...erasure }: ErasureRow) => ({ erasure_id: id, ...erasure });
