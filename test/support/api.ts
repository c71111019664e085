import { type JsonObject } from '../../src/kernel/json';

export interface Answer<Body = Reply> {
  status: number;
  headers: Headers;
  body: Body;
}

/** Fields by name, for `toMatchObject`. */
export type Reply = Record<string, unknown>;

export interface ReceiptReply extends Reply {
  distribution_id: string;
  destinations_count: number;
  idempotent_replay?: boolean;
}

export interface DestinationReply extends Reply {
  name: string;
  status: string;
  attempts: number;
  error_code: string | null;
  next_attempt_at: string | null;
  retry_history: { attempt: number; error: string; backoff_delay_seconds: number }[];
}

export interface StatusReply extends Reply {
  status: string;
  destinations: DestinationReply[];
  metrics: Record<string, number>;
}

export interface AttemptsReply extends Reply {
  attempts: (Reply & { delivery_id: string; attempt_number: number; status: string })[];
}

export interface EventsReply extends Reply {
  events: { from_status: string | null; to_status: string; actor: string; reason: string }[];
}

export interface BatchReply extends Reply {
  batch_id: string;
  distribution_ids: string[];
  rejected: { index: number; error: string; details: { field: string; issue: string }[] }[];
}

export interface ListReply extends Reply {
  distributions: (Reply & { distribution_id: string; status: string })[];
  next_cursor: string | null;
}

export interface ReplayReply extends Reply {
  status: string;
  replayed_destinations: number;
  destinations: { name: string; outcome: string }[];
}

export interface DeadLettersReply extends Reply {
  dead_letters: (Reply & { dead_letter_id: string; delivery_id: string; destination: string })[];
  next_cursor: string | null;
}

export interface OperationReply extends Reply {
  operation_id: string;
  status: string;
  examined: number;
  done: number;
  skipped: number;
}

export interface Submission {
  data_type?: string;
  payload?: JsonObject;
  destinations?: (string | JsonObject)[];
  options?: JsonObject;
  [field: string]: unknown;
}

export const ALL_TENANT_SCOPES = [
  'distribution:submit',
  'distribution:read',
  'distribution:manage',
  'config:read',
  'config:write',
  'tenant:admin',
] as const;

/** A client of the API with one key, as an upstream service would write it. */
export class Api {
  constructor(
    readonly url: string | (() => string),
    readonly key: string,
    private readonly headers: Record<string, string> = {},
  ) {}

  async send<Body = Reply>(
    method: string,
    path: string,
    body?: string | Uint8Array,
    headers: Record<string, string> = {},
  ): Promise<Answer<Body>> {
    const base = typeof this.url === 'string' ? this.url : this.url();
    const response = await fetch(`${base}${path}`, {
      method,
      headers: { 'x-api-key': this.key, ...this.headers, ...headers },
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: parsed(text) as Body };
  }

  json<Body = Reply>(
    method: string,
    path: string,
    body: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<Body>> {
    return this.send(method, path, JSON.stringify(body), { 'content-type': 'application/json', ...headers });
  }

  get<Body = Reply>(path: string): Promise<Answer<Body>> {
    return this.send('GET', path);
  }

  submit(submission: Submission, headers: Record<string, string> = {}): Promise<Answer<ReceiptReply>> {
    const body = { data_type: 'report', payload: { total: 1 }, ...submission };
    return this.json('POST', '/api/v1/distribution/submit', body, headers);
  }

  /** Submits and gives the id; fails unless it was accepted. */
  async accepted(submission: Submission, headers: Record<string, string> = {}): Promise<string> {
    return must(await this.submit(submission, headers), 202).body.distribution_id;
  }

  bulk(distributions: Submission[], options: JsonObject = {}): Promise<Answer<BatchReply>> {
    return this.json('POST', '/api/v1/distribution/bulk-submit', { distributions, options });
  }

  ndjson(lines: (Submission | string)[], query = ''): Promise<Answer<BatchReply>> {
    const body = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n');
    return this.send('POST', `/api/v1/distribution/bulk-submit${query}`, body, {
      'content-type': 'application/x-ndjson',
    });
  }

  status(id: string): Promise<Answer<StatusReply>> {
    return this.get(`/api/v1/distribution/${encodeURIComponent(id)}/status`);
  }

  attempts(id: string): Promise<Answer<AttemptsReply>> {
    return this.get(`/api/v1/distribution/${encodeURIComponent(id)}/attempts`);
  }

  events(id: string): Promise<Answer<EventsReply>> {
    return this.get(`/api/v1/distribution/${encodeURIComponent(id)}/events`);
  }

  batch(id: string): Promise<Answer> {
    return this.get(`/api/v1/distribution/batch/${encodeURIComponent(id)}/status`);
  }

  cancel(id: string): Promise<Answer> {
    return this.send('POST', `/api/v1/distribution/${encodeURIComponent(id)}/cancel`);
  }

  replay(id: string, body: JsonObject = {}): Promise<Answer<ReplayReply>> {
    return this.json('POST', `/api/v1/distribution/${encodeURIComponent(id)}/replay`, body);
  }

  deadLetters(query = ''): Promise<Answer<DeadLettersReply>> {
    return this.get(`/api/v1/dead-letters${query}`);
  }

  list(query = ''): Promise<Answer<ListReply>> {
    return this.get(`/api/v1/distribution/list${query}`);
  }

  /** Every job that the filter finds, page by page. */
  async listAll(query: Record<string, string> = {}): Promise<ListReply['distributions']> {
    const found: ListReply['distributions'] = [];
    for (let cursor: string | undefined; ;) {
      const page = new URLSearchParams({ ...query, ...(cursor === undefined ? {} : { cursor }) });
      const { body } = must(await this.list(`?${page.toString()}`), 200);
      found.push(...body.distributions);
      cursor = body.next_cursor ?? undefined;
      if (cursor === undefined) return found;
    }
  }

  async register(name: string, configuration: JsonObject, more: JsonObject = {}): Promise<Reply> {
    const body = { name, protocol: 'REST', configuration, ...more };
    return must(await this.json('POST', '/api/v1/destinations/register', body), 201).body;
  }

  patchDestination(name: string, patch: JsonObject): Promise<Answer> {
    return this.json('PATCH', `/api/v1/destinations/${name}`, patch);
  }

  createKeyAnswer(name: string, scopes: readonly string[], more: JsonObject = {}): Promise<Answer> {
    return this.json('POST', '/api/v1/api-keys', { name, scopes, ...more });
  }

  async createKey(name: string, scopes: readonly string[], more: JsonObject = {}): Promise<Reply> {
    return must(await this.createKeyAnswer(name, scopes, more), 201).body;
  }
}

export interface TestTenant {
  id: string;
  api: Api;
  signingSecret: string;
}

/** A tenant with a key for everything but the platform. `url` may change from start to start. */
export async function createTenant(
  url: () => string,
  adminKey: string,
  id: string,
  limits: JsonObject = {},
): Promise<TestTenant> {
  const admin = new Api(url, adminKey);
  const { body } = must(
    await admin.json('POST', '/api/v1/tenants', { id, name: `Tenant ${id}`, ...limits }),
    201,
  );
  const { key } = await new Api(url, adminKey, { 'x-tenant-id': id }).createKey('tests', ALL_TENANT_SCOPES);
  return { id, api: new Api(url, String(key)), signingSecret: String(body['signing_secret']) };
}

/** The answer, when it has the status; otherwise a failure with what it says. */
export function must<Body>(answer: Answer<Body>, status: number): Answer<Body> {
  if (answer.status === status) return answer;
  throw new Error(`status ${answer.status} instead of ${status}: ${JSON.stringify(answer.body)}`);
}

function parsed(text: string): Reply {
  try {
    return JSON.parse(text) as Reply;
  } catch {
    return { text };
  }
}
