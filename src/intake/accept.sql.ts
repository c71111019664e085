/** Takes back the idempotency keys of jobs that were not accepted after all, because their name was taken. */
export const RELEASE_KEYS = {
  name: 'release_idempotency_keys',
  text: `DELETE FROM idempotency_keys WHERE distribution_job_id = ANY ($1::uuid[])`,
};

/** The earlier job behind a taken idempotency key or, failing that, behind a taken distribution_id. */
export const FIND_TAKEN = {
  name: 'find_taken_keys',
  text: `
    SELECT i.id, j.id AS existing_id, j.batch_id, k.distribution_job_id IS NOT NULL AS by_key,
      COALESCE(k.request_hash, d.request_hash) AS request_hash,
      j.distribution_id, j.created_at, j.deliver_at, jsonb_array_length(j.destinations) AS destinations_count,
      j.callback_url IS NOT NULL AS callback_registered
    FROM unnest($1::uuid[], $2::text[], $3::text[]) AS i (id, distribution_id, idempotency_key)
    LEFT JOIN idempotency_keys k ON k.idempotency_key = i.idempotency_key
    LEFT JOIN distribution_keys d ON d.distribution_id = i.distribution_id
    JOIN distribution_jobs j ON j.id = COALESCE(k.distribution_job_id, d.distribution_job_id)`,
};

/** A payload as delivery reads it: jsonb orders keys and writes numbers its own way. */
export const AS_STORED = { name: 'payload_as_stored', text: `SELECT $1::jsonb::text AS text` };
