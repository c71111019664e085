/**
 * Looks at every entry that the session may see, chain by chain. The hash is made here anew and not by the database's
 * function, so that who changed entries and function alike is found as well.
 */
export const VERIFY_AUDIT_CHAINS = {
  name: 'verify_audit_chains',
  text: `
    WITH chain AS (
      SELECT tenant_id, sequence, previous_hash, hash,
        lag(hash) OVER w AS hash_before, COALESCE(lag(sequence) OVER w, 0) AS sequence_before,
        sha256(convert_to(jsonb_build_array(sequence, encode(previous_hash, 'hex'), id, tenant_id, actor, action,
          resource_type, resource_id, details, request_id,
          (extract(epoch FROM created_at) * 1000000)::bigint)::text, 'UTF8')) AS expected
      FROM audit_log
      WINDOW w AS (PARTITION BY tenant_id ORDER BY sequence)
    )
    SELECT tenant_id, count(*)::int AS entries,
      (array_agg(encode(hash, 'hex') ORDER BY sequence DESC))[1] AS head,
      (min(sequence) FILTER (WHERE hash <> expected OR previous_hash IS DISTINCT FROM hash_before
        OR sequence <> sequence_before + 1))::int AS first_broken
    FROM chain GROUP BY tenant_id ORDER BY tenant_id NULLS FIRST`,
};
