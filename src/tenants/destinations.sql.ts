/** What held for the version before says little of this one. */
export const CHECK_SOON = {
  name: 'check_health_soon',
  text: `
    INSERT INTO destination_health_states (tenant_id, destination_id, due_at) VALUES ($1, $2, now())
    ON CONFLICT (tenant_id, destination_id) DO UPDATE SET due_at = now()`,
};

/** Retries that wait under the old policy follow (upkeep/retry-policies.ts). */
export const RETRY_POLICY_CHANGED = {
  name: 'retry_policy_changed',
  text: `
    INSERT INTO retry_policy_changes (tenant_id, destination_id) VALUES ($1, $2)
    ON CONFLICT (tenant_id, destination_id) DO UPDATE SET changed_at = now(), due_at = now()`,
};
