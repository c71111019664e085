const COLUMNS = `id, tenant_id, name, description, schema_definition, validation_rules, version, created_at, updated_at`;

/** The owner's and, seen by a tenant, the platform's. */
export const LIST = {
  name: 'data_types_list',
  text: `SELECT ${COLUMNS} FROM data_types WHERE tenant_id = $1 OR tenant_id IS NULL
         ORDER BY id, tenant_id NULLS LAST`,
};

export const FIND = {
  name: 'data_types_find',
  text: `SELECT ${COLUMNS} FROM data_types WHERE tenant_id IS NOT DISTINCT FROM $1 AND id = $2`,
};

/** A type that comes back after it was deleted goes on counting its versions. */
export const INSERT = {
  name: 'data_types_insert',
  text: `
    INSERT INTO data_types (tenant_id, id, name, description, schema_definition, validation_rules, version)
    SELECT $1::varchar, $2::varchar, $3, $4, $5::jsonb, $6::jsonb, 1 + COALESCE(max(version), 0)
    FROM configuration_versions
    WHERE tenant_id IS NOT DISTINCT FROM $1::varchar AND kind = 'data_type' AND resource_id = $2::varchar
    RETURNING ${COLUMNS}`,
};

export const UPDATE = {
  name: 'data_types_update',
  text: `
    UPDATE data_types SET name = $3, description = $4, schema_definition = $5::jsonb,
      validation_rules = $6::jsonb, version = version + 1, updated_at = now()
    WHERE tenant_id IS NOT DISTINCT FROM $1 AND id = $2
    RETURNING ${COLUMNS}`,
};

export const REMOVE = {
  name: 'data_types_remove',
  text: `DELETE FROM data_types WHERE tenant_id IS NOT DISTINCT FROM $1 AND id = $2`,
};
