import { ApiError, type Issue } from '../kernel/errors';
import { type TenantId } from '../kernel/ids';
import { type JsonObject } from '../kernel/json';
import { type CompiledRule } from '../rules/rule-set';
import { parseChoice, parseTransformConfig, type TransformChoice } from '../transforms/transform';
import { type Transformer } from '../transforms/transformer';
import { type Owner } from './configuration-transaction';
import { type TransformCatalogue } from './transform-catalogue';

export interface ProgramCheckParts {
  transformer: Pick<Transformer, 'check' | 'checkCondition'>;
  transforms: Pick<TransformCatalogue, 'byName'>;
}

/**
 * Whether the programs that rules and destinations bring along can be run: what is saved will not fail for its syntax,
 * nor for a transform that is not there. Outside any transaction, because the sandbox takes its time.
 */
export class ProgramCheck {
  constructor(private readonly parts: ProgramCheckParts) {}

  async refuseRule(owner: Owner, { pattern, action }: CompiledRule): Promise<void> {
    const issues = await this.conditionIssues(owner, pattern.expression);
    if (action.type === 'transformation') {
      issues.push(...(await this.choiceIssues(owner, action.transform, 'actions.transform')));
    }
    if (issues.length > 0) throw new ApiError('VALIDATION_ERROR', 'the rule is not valid', issues);
  }

  /** The form of a `transform_config` has been checked before. */
  async refuseConfiguration(tenantId: TenantId, config: JsonObject): Promise<void> {
    const parsed = parseTransformConfig(config);
    if (!parsed.ok || parsed.value.transform === null) return;
    const at = 'engine' in config ? 'transform_config' : 'transform_config.transform';
    const issues = await this.issuesOf(tenantId, parsed.value.transform, at);
    if (issues.length > 0) {
      throw new ApiError('VALIDATION_ERROR', 'the transform_config is not valid', issues);
    }
  }

  private async conditionIssues(owner: Owner, expression: string | undefined): Promise<Issue[]> {
    if (expression === undefined) return [];
    const issue = await this.parts.transformer.checkCondition(owner ?? '', expression);
    return issue === undefined ? [] : [{ field: 'conditions.$expr', issue }];
  }

  private async choiceIssues(owner: Owner, input: string | JsonObject, at: string): Promise<Issue[]> {
    const parsed = parseChoice(input, at);
    return parsed.ok ? this.issuesOf(owner, parsed.value, at) : parsed.issues;
  }

  /** The platform has no transforms of its own: a rule of its names one that each tenant may have. */
  private async issuesOf(owner: Owner, choice: TransformChoice, at: string): Promise<Issue[]> {
    if ('name' in choice) {
      if (owner === null || (await this.parts.transforms.byName(owner, choice.name)) !== undefined) return [];
      const issue = `no transform is called ${choice.name}; create it first (POST /api/v1/transforms)`;
      return [{ field: at, issue }];
    }
    const issue = await this.parts.transformer.check(owner ?? '', choice);
    if (issue === undefined) return [];
    return [{ field: `${at}.${issue.startsWith('output_schema') ? 'output_schema' : 'spec'}`, issue }];
  }
}
