const COLUMNS =
  'id, name, engine, spec, input_format, output_format, output_schema, version, created_at, updated_at';

export const LIST = { name: 'transforms_list', text: `SELECT ${COLUMNS} FROM transforms ORDER BY name` };

/** $1 id or null, $2 name */
export const FIND = {
  name: 'transforms_find',
  text: `SELECT ${COLUMNS} FROM transforms WHERE id = $1::uuid OR ($1::uuid IS NULL AND name = $2)`,
};

export const CREATE = {
  name: 'transforms_create',
  text: `
    INSERT INTO transforms (id, tenant_id, name, engine, spec, input_format, output_format, output_schema)
    VALUES ($1, $2, $3, $4, $5::jsonb, $6, $7, $8::jsonb)
    RETURNING ${COLUMNS}`,
};

/** Only the version that was read: of two simultaneous changes one is told to look again. */
export const UPDATE = {
  name: 'transforms_update',
  text: `
    UPDATE transforms
    SET name = $3, engine = $4, spec = $5::jsonb, input_format = $6, output_format = $7, output_schema = $8::jsonb,
      version = version + 1, updated_at = now()
    WHERE id = $1 AND version = $2
    RETURNING ${COLUMNS}`,
};

export const DELETE = { name: 'transforms_delete', text: `DELETE FROM transforms WHERE id = $1` };

/** What names the transform $2 of the tenant $1; enough of it to go and look. */
export const USERS = {
  name: 'transforms_users',
  text: `
    SELECT 'the rule ' || name AS label FROM distribution_rules
    WHERE tenant_id = $1 AND rule_type = 'transformation' AND deleted_at IS NULL AND actions ->> 'transform' = $2
    UNION ALL
    SELECT 'the destination ' || name FROM destinations
    WHERE tenant_id = $1 AND deleted_at IS NULL AND transform_config ->> 'transform' = $2
    LIMIT 5`,
};
