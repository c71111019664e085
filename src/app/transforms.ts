import { type Provider } from '@nestjs/common';
import { TenantTransaction } from '../database/tenant-transaction';
import { systemClock } from '../kernel/clock';
import { type Logger } from '../observability/logger';
import { type ExpressionEvaluator } from '../rules/expressions';
import { ProgramCheck } from '../tenants/program-check';
import { TransformCatalogue } from '../tenants/transform-catalogue';
import { Transforms } from '../tenants/transforms';
import { Sandbox } from '../transforms/sandbox/sandbox';
import { Transformer } from '../transforms/transformer';
import { type Configuration } from './configuration';
import { ConfigurationChanges } from './configuration-changes';
import { made } from './made';

/** What a delivery, or the explanation of one, needs to be transformed. */
export class Transforming {
  constructor(
    readonly transformer: Transformer,
    readonly transforms: TransformCatalogue,
  ) {}
}

/** One sandbox a process, shared by delivery, preview and rules; its children start with the first program. */
export function transformProviders({
  configuration,
  log,
}: {
  configuration: Configuration;
  log: Logger;
}): Provider[] {
  const options = {
    processes: configuration.TRANSFORM_PROCESSES,
    deadlineMs: configuration.TRANSFORM_DEADLINE_MS,
    memoryMb: configuration.TRANSFORM_MEMORY_MB,
    onDeath: (death: string, tenant: string) =>
      log.warn({ death, tenant_id: tenant }, 'a sandbox process was replaced'),
  };
  return [
    made(Transformer, [], () => new Transformer(new Sandbox(options))),
    made(TransformCatalogue, [TenantTransaction], (tenants) => new TransformCatalogue(tenants, systemClock)),
    made(
      Transforming,
      [Transformer, TransformCatalogue],
      (transformer, transforms) => new Transforming(transformer, transforms),
    ),
    made(
      ProgramCheck,
      [Transformer, TransformCatalogue],
      (transformer, transforms) => new ProgramCheck({ transformer, transforms }),
    ),
    made(
      Transforms,
      [TenantTransaction, TransformCatalogue, Transformer, ConfigurationChanges],
      (tenants, catalogue, transformer, changes) =>
        new Transforms({ tenants, catalogue, transformer, onChange: changes.announce }),
    ),
  ];
}

/** `$expr` of rules is a tenant's program like any other: it runs in the sandbox. */
export const expressionsIn =
  (transformer: Transformer): ExpressionEvaluator =>
  async (pending) => {
    const conditions = pending.map(({ ruleId, expression, event }) => ({
      id: ruleId,
      expression,
      input: event,
    }));
    const tenantId = pending[0]?.event['tenant_id'];
    const verdicts = await transformer.evaluateConditions(
      conditions,
      typeof tenantId === 'string' ? tenantId : '',
    );
    return verdicts.map(({ id, ...verdict }) => ({ ruleId: id, ...verdict }));
  };
