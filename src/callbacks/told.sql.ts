/** What a tenant may have published (`config.outcome_events`). */
export const OUTCOME_EVENTS = [
  'distribution.completed',
  'distribution.failed',
  'distribution.cancelled',
  'batch.completed',
] as const;

/**
 * By which channels an outcome is told: to the address, where there is one, and as an event, where the tenant $1 asks
 * for this type. For whoever writes an outcome, in the statement that does; the tenant is read only where there is an
 * outcome, and once in a statement.
 */
export const toldOf = (eventType: string, address: string): string => `(
  SELECT channel, CASE channel WHEN 'webhook' THEN ${address} END AS callback_url
  FROM (VALUES ('webhook'), ('events')) AS c (channel)
  WHERE CASE channel WHEN 'webhook' THEN ${address} IS NOT NULL
    ELSE (SELECT config -> 'outcome_events' FROM tenants WHERE id = $1) ? (${eventType}) END
)`;
