import { type TenantTransaction } from '../database/tenant-transaction';
import { ApiError, type ApiErrorCode, conflict, type Issue, notFound } from '../kernel/errors';
import { type TenantId } from '../kernel/ids';
import { actorOf, type TenantCaller } from '../tenants/scopes';
import { type Intake } from './accept';
import { parseJson } from './parse-json';
import { parseBody, submissionSchema } from './submission';

/** What a procedure of the SQL intake left (migrations/0018-sql-intake.ts). */
type SqlRequest = {
  id: string;
  login: string;
  action: 'submit' | 'cancel';
  distribution_id: string;
  /** JSON text; null where it is larger than a submission may be. */
  content: string | null;
};

type Verdict = { kind: 'accepted' } | { kind: 'rejected'; code: ApiErrorCode; details: Issue[] };

type Cancelled = { kind: 'cancelled' } | { kind: 'terminal'; status: string } | { kind: 'unknown' };

export interface SqlRequestParts {
  intake: Intake;
  tenants: TenantTransaction;
  cancel: (caller: TenantCaller, distributionId: string, reason: string | undefined) => Promise<Cancelled>;
  /** How many of so many jobs the tenant may submit now; they count. */
  admit: (tenantId: TenantId, most: number) => Promise<number>;
  mostBytes: number;
  maxDepth: number;
}

const MOST_TOGETHER = 100;

const PENDING = {
  name: 'pending_sql_requests',
  text: `
    SELECT id, login::text, action, distribution_id,
      CASE WHEN octet_length(content::text) <= $2 THEN content::text END AS content
    FROM sql_requests WHERE status = 'pending' ORDER BY id LIMIT $1`,
};

const SETTLE = {
  name: 'settle_sql_requests',
  text: `
    UPDATE sql_requests r SET status = v.status, error_code = v.code, error_details = v.details::jsonb,
      settled_at = clock_timestamp(), content = NULL
    FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS v (id, status, code, details)
    WHERE r.id = v.id AND r.status = 'pending'`,
};

/**
 * Requests by SQL -> accepted jobs, in the order in which they were made. Every submission has a distribution_id: one
 * that was accepted and not settled, because the process died in between, is recognised when it is taken up again.
 */
export class SqlRequests {
  constructor(private readonly parts: SqlRequestParts) {}

  /** `later`: the tenant's limit is used up; what waits is slowed down, not refused. */
  async step(tenantId: TenantId): Promise<'more' | 'later' | 'over'> {
    const values = [MOST_TOGETHER, this.parts.mostBytes];
    const requests = await this.parts.tenants.each(tenantId).query<SqlRequest>(PENDING, values);
    const [first] = requests;
    if (first === undefined) return 'over';
    if (first.action === 'cancel') {
      await this.settle(tenantId, [first]);
      return 'more';
    }
    const submissions = leading(requests, 'submit');
    const admitted = await this.parts.admit(tenantId, submissions.length);
    if (admitted === 0) return 'later';
    await this.settle(tenantId, submissions.slice(0, admitted));
    return 'more';
  }

  /** What has a verdict is written down, also where a fault kept others from theirs. */
  private async settle(tenantId: TenantId, requests: readonly SqlRequest[]): Promise<void> {
    const outcomes = await Promise.allSettled(requests.map((request) => this.verdictOn(tenantId, request)));
    const settled = outcomes.flatMap((outcome, position) =>
      outcome.status === 'fulfilled' ? [{ id: requests[position]?.id, verdict: outcome.value }] : [],
    );
    await this.parts.tenants
      .each(tenantId)
      .query(SETTLE, [
        settled.map(({ id }) => id),
        settled.map(({ verdict }) => verdict.kind),
        settled.map(({ verdict }) => (verdict.kind === 'rejected' ? verdict.code : null)),
        settled.map(({ verdict }) => (verdict.kind === 'rejected' ? JSON.stringify(verdict.details) : null)),
      ]);
    const fault = outcomes.find((outcome) => outcome.status === 'rejected');
    if (fault !== undefined) throw fault.reason;
  }

  private async verdictOn(tenantId: TenantId, request: SqlRequest): Promise<Verdict> {
    const caller = { tenantId, actor: actorOf('sql', request.login), scopes: new Set<never>() };
    try {
      if (request.action === 'cancel') await this.cancel(caller, request);
      else await this.submit(caller, request);
      return { kind: 'accepted' };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const details = error.details.length > 0 ? error.details : [{ field: 'request', issue: error.message }];
      return { kind: 'rejected', code: error.code, details };
    }
  }

  private async submit(caller: TenantCaller, { content }: SqlRequest): Promise<void> {
    const { intake, mostBytes, maxDepth } = this.parts;
    if (content === null) {
      throw new ApiError('PAYLOAD_TOO_LARGE', `the submission has more than ${mostBytes} bytes; send less`);
    }
    const parsed = parseBody(submissionSchema, parseJson(Buffer.from(content), maxDepth));
    if (!parsed.ok) throw invalidSubmission(parsed.issues);
    const around = { caller, correlationId: undefined, idempotencyKey: undefined };
    const acceptance = await intake.submit(parsed.value, around);
    if (acceptance.kind === 'invalid') throw invalidSubmission(acceptance.issues);
    if (acceptance.kind === 'conflict') throw conflict(acceptance.issue.field, acceptance.issue.issue);
  }

  private async cancel(caller: TenantCaller, request: SqlRequest): Promise<void> {
    const { distribution_id: id } = request;
    const cancelled = await this.parts.cancel(caller, id, reasonIn(request.content));
    if (cancelled.kind === 'unknown') throw notFound(`the distribution ${id}`);
    // Taken up again after the process died, or asked for twice: it is as it was wanted.
    if (cancelled.kind === 'terminal' && cancelled.status !== 'cancelled') {
      throw conflict(
        'p_new_status',
        `the distribution is ${cancelled.status} and can no longer be cancelled`,
      );
    }
  }
}

const invalidSubmission = (issues: Issue[]): ApiError =>
  new ApiError('VALIDATION_ERROR', 'the submission is not valid', issues);

/** The requests up to the first of another kind: a cancellation may be of a job submitted just before it. */
function leading(requests: readonly SqlRequest[], action: SqlRequest['action']): readonly SqlRequest[] {
  const end = requests.findIndex((request) => request.action !== action);
  return end === -1 ? requests : requests.slice(0, end);
}

function reasonIn(content: string | null): string | undefined {
  const { reason } = JSON.parse(content ?? '{}') as { reason?: string | null };
  return reason ?? undefined;
}
