/** The part of the API that the demo uses, as any upstream service would. */

export interface Receipt {
  distribution_id: string;
  status: string;
  destinations_count: number;
}

export interface Attempt {
  attempt_id: string;
  delivery_id: string;
  destination: string;
  attempt_number: number;
  status: 'pending' | 'processing' | 'success' | 'failed' | 'retry' | 'cancelled';
  started_at: string | null;
  completed_at: string | null;
  response_time_ms: number | null;
  response: { status: number | null; body: string | null };
  error_code: string | null;
  error_message: string | null;
  next_attempt_at: string | null;
}

export interface JobStatus {
  distribution_id: string;
  tenant_id: string;
  status: 'pending' | 'processing' | 'completed' | 'failed' | 'cancelled';
  submitted_at: string;
  deliver_at: string | null;
  completed_at: string | null;
  destinations: { name: string; status: string; attempts: number; error_code: string | null }[];
}

export interface JobEvent {
  from_status: string | null;
  to_status: string;
  actor: string;
  reason: string;
  timestamp: string;
}

export interface Answer<Body> {
  status: number;
  body: Body;
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** One key's view of the service. */
export class ApiClient {
  constructor(
    readonly baseUrl: string,
    readonly key: string,
    /** Named by a platform key; a tenant's own key needs none. */
    private readonly tenantId?: string,
  ) {}

  /** Whatever the service answers, 4xx included. Rejects when it does not answer. */
  async ask<Body>(method: Method, path: string, body?: object): Promise<Answer<Body>> {
    const response = await fetch(`${this.baseUrl}/api/v1${path}`, {
      method,
      headers: {
        'x-api-key': this.key,
        ...(this.tenantId !== undefined && { 'x-tenant-id': this.tenantId }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }).catch((cause: unknown) => {
      throw new Error(`the service at ${this.baseUrl} does not answer any more`, { cause });
    });
    const text = await response.text();
    return { status: response.status, body: (text === '' ? undefined : JSON.parse(text)) as Body };
  }

  /** The body of a 2xx; throws what the service said otherwise. */
  async call<Body>(method: Method, path: string, body?: object): Promise<Body> {
    const answer = await this.ask<Body & { error?: string; message?: string }>(method, path, body);
    if (answer.status < 300) return answer.body;
    const { error, message } = answer.body;
    throw new Error(`${method} ${path} was answered ${answer.status} ${error ?? ''}: ${message ?? ''}`);
  }

  get<Body>(path: string): Promise<Body> {
    return this.call('GET', path);
  }

  post<Body>(path: string, body: object): Promise<Body> {
    return this.call('POST', path, body);
  }
}

export const jobPath = (distributionId: string, what: 'status' | 'attempts' | 'events'): string =>
  `/distribution/${encodeURIComponent(distributionId)}/${what}`;
