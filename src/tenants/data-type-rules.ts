import { type Issue } from '../kernel/errors';
import { type JsonObject } from '../kernel/json';
import { type Priority } from '../kernel/priority';

/** What a data type asks of a submission beside its schema; an absent entry asks nothing. */
export interface ValidationRules {
  /** Of the payload as JSON in UTF-8. */
  max_bytes?: number | undefined;
  /** Names that the metadata must have, other than null. */
  required_metadata?: string[] | undefined;
  allowed_priorities?: Priority[] | undefined;
}

export interface TypedSubmission {
  data_type: string;
  payload: JsonObject;
  metadata: JsonObject;
  priority: Priority;
}

export function ruleIssues(rules: ValidationRules, submission: TypedSubmission): Issue[] {
  const { max_bytes, required_metadata = [], allowed_priorities } = rules;
  const { payload, metadata, priority, data_type } = submission;
  const issues: Issue[] = [];
  if (max_bytes !== undefined) {
    const bytes = Buffer.byteLength(JSON.stringify(payload));
    if (bytes > max_bytes) {
      issues.push({ field: 'payload', issue: `has ${bytes} bytes; ${data_type} takes at most ${max_bytes}` });
    }
  }
  for (const name of required_metadata) {
    if (Object.hasOwn(metadata, name) && metadata[name] !== null) continue;
    issues.push({ field: `metadata.${name}`, issue: `is required by the data type ${data_type}` });
  }
  if (allowed_priorities !== undefined && !allowed_priorities.includes(priority)) {
    const issue = `must be one of ${allowed_priorities.join(', ')} for the data type ${data_type}`;
    issues.push({ field: 'priority', issue });
  }
  return issues;
}
