import { type JsonObject } from '../../src/kernel/json';
import { type Api, must, type Reply, type Submission, type TestTenant } from './api';

export interface Reason {
  rule: string;
  effect: string;
  destination?: string;
}
export interface Explained extends Reply {
  outcome: string;
  priority: string;
  rules_version: string | null;
  destinations: {
    name: string;
    transform: unknown;
    reason: string;
    content: {
      content_type: string;
      content_encoding: string | null;
      body: string;
      truncated: boolean;
    } | null;
    error: { code: string; message: string } | null;
  }[];
  reasons: Reason[];
  rules: { rule: string; matched: boolean; applied: boolean; scope: string; why: string[] }[];
  warnings: string[];
}

export const rulesPath = '/api/v1/rules';

export async function makeRule({ api }: { api: Api }, rule: JsonObject): Promise<string> {
  return String(must(await api.json('POST', rulesPath, rule), 201).body['rule_id']);
}

export const routing = (name: string, actions: JsonObject, more: JsonObject = {}): JsonObject => ({
  name,
  rule_type: 'routing',
  actions,
  ...more,
});

export async function explain({ api }: TestTenant, submission: Submission): Promise<Explained> {
  const body = { data_type: 'report', payload: { total: 1 }, ...submission };
  return must(await api.json<Explained>('POST', `${rulesPath}/explain`, body), 200).body;
}
