import { type MigrationInterface, type QueryRunner } from 'typeorm';
import { asOwner, tenantPolicies } from './support';

/**
 * Token buckets that all processes share. Unlogged: a bucket is worth less than the write-ahead log of every lease;
 * after a crash of the database, or on a promoted standby, the buckets are full again.
 */
export class RateLimits1763600000011 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await asOwner(runner, RATE_LIMITS, LEASE_TOKENS);
  }

  async down(runner: QueryRunner): Promise<void> {
    await asOwner(
      runner,
      'DROP FUNCTION lease_tokens(varchar, uuid, integer, integer, integer, integer, integer, timestamptz)',
      'DROP TABLE rate_limits',
    );
  }
}

// `bucket`: 'submissions' of the tenant, or the id of a key. Negative tokens: a batch larger than the burst.
const RATE_LIMITS = `
  CREATE UNLOGGED TABLE rate_limits (
    tenant_id varchar(50) NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    bucket varchar(50) NOT NULL,
    tokens double precision NOT NULL,
    refilled_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, bucket)
  ) WITH (fillfactor = 50);
  ${tenantPolicies('rate_limits')}
  GRANT SELECT, INSERT, UPDATE ON rate_limits TO distributor_system;`;

/*
 * One visit of a process to a bucket: refill it, put back what the process has not used, take what it wants.
 * The row's lock makes visits one after another; the limits are read at each of them, so that a change holds at once.
 *
 * p_first: tokens of the request that waits longest; p_wanted: of all that wait, at least p_first; p_ahead: how many
 * the process would keep for the next ones. It gets of those an eighth of what is left at most, so that little lies
 * idle in one process when another one is refused. A first request larger than the burst is let through by a full
 * bucket, which then owes the difference, if the limit of one window allows so many. No row: no such tenant or key.
 */
const LEASE_TOKENS = `
  CREATE FUNCTION lease_tokens(
    p_tenant_id varchar, p_key_id uuid, p_key_requests integer, p_returned integer,
    p_first integer, p_wanted integer, p_ahead integer, p_at timestamptz DEFAULT clock_timestamp()
  ) RETURNS TABLE (
    granted integer, tokens double precision, requests integer, window_seconds integer, capacity integer
  ) LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
  #variable_conflict use_column
  DECLARE
    v_bucket varchar := coalesce(p_key_id::text, 'submissions');
    v_requests integer;
    v_window integer;
    v_capacity integer;
    v_tokens double precision;
    v_refilled_at timestamptz;
    v_granted integer;
  BEGIN
    IF p_key_id IS NULL THEN
      SELECT t.rate_limit_requests, t.rate_limit_window_seconds, t.burst_limit
        INTO v_requests, v_window, v_capacity FROM tenants t WHERE t.id = p_tenant_id;
    ELSE
      SELECT coalesce(k.rate_limit_requests, p_key_requests), 60, coalesce(k.rate_limit_requests, p_key_requests)
        INTO v_requests, v_window, v_capacity FROM api_keys k WHERE k.tenant_id = p_tenant_id AND k.id = p_key_id;
    END IF;
    IF NOT FOUND THEN RETURN; END IF;
    SELECT r.tokens, r.refilled_at INTO v_tokens, v_refilled_at
      FROM rate_limits r WHERE r.tenant_id = p_tenant_id AND r.bucket = v_bucket FOR UPDATE;
    IF NOT FOUND THEN
      INSERT INTO rate_limits (tenant_id, bucket, tokens, refilled_at)
        VALUES (p_tenant_id, v_bucket, v_capacity, p_at) ON CONFLICT (tenant_id, bucket) DO NOTHING;
      SELECT r.tokens, r.refilled_at INTO v_tokens, v_refilled_at
        FROM rate_limits r WHERE r.tenant_id = p_tenant_id AND r.bucket = v_bucket FOR UPDATE;
    END IF;
    v_tokens := least(v_capacity, v_tokens + p_returned
      + greatest(0, extract(epoch FROM p_at - v_refilled_at)::double precision) * v_requests / v_window);
    -- The last of many small refills may miss a whole token by a rounding.
    v_granted := greatest(0, least(p_wanted, floor(v_tokens + 1e-6)));
    IF v_granted < p_first THEN
      IF v_tokens + 1e-6 >= v_capacity AND p_first <= greatest(v_capacity, v_requests) THEN
        v_granted := p_first;
      ELSE
        -- It is refused; what is there is for those behind it, and not carried off for nobody.
        v_granted := least(v_granted, p_wanted - p_first);
      END IF;
    ELSIF v_granted = p_wanted THEN
      v_granted := v_granted + least(p_ahead, floor((v_tokens - v_granted + 1e-6) / 8));
    END IF;
    v_tokens := v_tokens - v_granted;
    UPDATE rate_limits r SET tokens = v_tokens, refilled_at = greatest(v_refilled_at, p_at)
      WHERE r.tenant_id = p_tenant_id AND r.bucket = v_bucket;
    RETURN QUERY SELECT v_granted, v_tokens, v_requests, v_window, v_capacity;
  END $$;
  REVOKE ALL ON FUNCTION lease_tokens FROM PUBLIC;
  GRANT EXECUTE ON FUNCTION lease_tokens TO distributor_system;`;
