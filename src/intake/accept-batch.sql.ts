import { toldOf } from '../callbacks/told.sql';

/** The batch, where it is the same request: as many items, as many of them accepted, the same callback. */
export const FIND_SAME_BATCH = {
  name: 'find_same_batch',
  text: `
    SELECT id FROM distribution_batches
    WHERE id = $1::uuid AND total_distributions = $2::int AND accepted_distributions = $3::int
      AND callback_url IS NOT DISTINCT FROM $4::text`,
};

/** The batch's row and, where nothing of it is left to deliver, its callbacks. */
export const STORE_BATCH = {
  name: 'store_batch',
  text: `
    WITH batch AS (
      INSERT INTO distribution_batches (tenant_id, id, status, total_distributions, accepted_distributions,
        open_distributions, callback_url, completed_at)
      VALUES ($1, $2::uuid, CASE WHEN $5::int = 0 THEN 'completed' ELSE 'processing' END, $3::int, $4::int, $5::int,
        $6::text, CASE WHEN $5::int = 0 THEN now() END)
      RETURNING id, open_distributions, callback_url
    )
    INSERT INTO distribution_callbacks (id, tenant_id, batch_id, event_type, channel, callback_url)
    SELECT gen_random_uuid(), $1, b.id, 'batch.completed', told.channel, told.callback_url
    FROM batch b CROSS JOIN LATERAL ${toldOf(`'batch.completed'`, 'b.callback_url')} told
    WHERE b.open_distributions = 0`,
};
