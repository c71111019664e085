import { type MigrationInterface, type QueryRunner } from 'typeorm';
import { asOwner, sharedPolicies, tenantPolicies } from './support';

/** What administrators configure: destinations with their versions and checks, rules, transforms, data types. */
export class Catalogue1763600000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await asOwner(
      runner,
      DATA_TYPES,
      DESTINATION_TYPES,
      DESTINATIONS,
      DESTINATION_HISTORY,
      RULES,
      TRANSFORMS,
      REVISIONS,
      VERSIONS,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await asOwner(
      runner,
      `DROP TABLE configuration_versions, configuration_revisions, transforms, distribution_rules, rule_types, destination_health_checks, destination_configs,
         destinations, destination_types, data_types`,
    );
  }
}

// A type without a tenant is offered to every tenant; a tenant's own type of the same id takes precedence.
const DATA_TYPES = `
  CREATE TABLE data_types (
    id varchar(50) NOT NULL,
    tenant_id varchar(50) REFERENCES tenants (id) ON DELETE CASCADE,
    name varchar(100) NOT NULL,
    description text,
    schema_definition jsonb,
    validation_rules jsonb NOT NULL DEFAULT '{}',
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uk_data_types_id UNIQUE NULLS NOT DISTINCT (tenant_id, id)
  );
  CREATE INDEX idx_data_types_name ON data_types (name);
  ${sharedPolicies('data_types')}
  GRANT SELECT, INSERT, UPDATE, DELETE ON data_types TO distributor_app, distributor_system;`;

// The protocols; config_schema is written at start from the adapters, which own it.
const DESTINATION_TYPES = `
  CREATE TABLE destination_types (
    id varchar(20) PRIMARY KEY,
    name varchar(50) NOT NULL,
    description text,
    protocol varchar(20) NOT NULL CHECK (protocol IN ('REST', 'AMQP', 'JDBC', 'S3', 'SFTP', 'EMAIL')),
    config_schema jsonb,
    created_at timestamptz NOT NULL DEFAULT now()
  );
  GRANT SELECT ON destination_types TO distributor_app, distributor_readonly;
  GRANT SELECT, INSERT, UPDATE ON destination_types TO distributor_system;`;

// Secrets inside configuration are sealed. A deleted destination keeps its row: history refers to it.
const DESTINATIONS = `
  CREATE TABLE destinations (
    id uuid PRIMARY KEY,
    tenant_id varchar(50) NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    name varchar(100) NOT NULL,
    description text,
    protocol varchar(20) NOT NULL CHECK (protocol IN ('REST', 'AMQP', 'JDBC', 'S3', 'SFTP', 'EMAIL')),
    status varchar(20) NOT NULL DEFAULT 'active'
      CHECK (status IN ('active', 'inactive', 'maintenance', 'deprecated')),
    status_reason text,
    configuration jsonb NOT NULL DEFAULT '{}',
    transform_config jsonb NOT NULL DEFAULT '{}',
    health_check_config jsonb NOT NULL DEFAULT '{}',
    tags text[] NOT NULL DEFAULT '{}',
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    last_used timestamptz,
    usage_count bigint NOT NULL DEFAULT 0,
    health_status varchar(20) NOT NULL DEFAULT 'unknown'
      CHECK (health_status IN ('healthy', 'unhealthy', 'unknown')),
    last_health_check timestamptz,
    CONSTRAINT uk_destinations_tenant_id UNIQUE (tenant_id, id),
    CONSTRAINT chk_destinations_valid_config CHECK (jsonb_typeof(configuration) = 'object'),
    CONSTRAINT chk_destinations_name_format CHECK (name ~ '^[a-zA-Z0-9_-]+$')
  );
  CREATE UNIQUE INDEX uk_destinations_name ON destinations (tenant_id, name) WHERE deleted_at IS NULL;
  ${tenantPolicies('destinations')}
  GRANT SELECT, INSERT, UPDATE ON destinations TO distributor_app;
  GRANT SELECT, UPDATE ON destinations TO distributor_system;
  REVOKE SELECT ON destinations FROM distributor_readonly;
  GRANT SELECT (id, tenant_id, name, description, protocol, status, tags, version, created_at, updated_at,
    deleted_at, last_used, usage_count, health_status, last_health_check) ON destinations TO distributor_readonly;`;

const DESTINATION_HISTORY = `
  CREATE TABLE destination_configs (
    tenant_id varchar(50) NOT NULL,
    destination_id uuid NOT NULL,
    version integer NOT NULL,
    description text,
    protocol varchar(20) NOT NULL,
    status varchar(20) NOT NULL,
    configuration jsonb NOT NULL,
    transform_config jsonb NOT NULL,
    health_check_config jsonb NOT NULL,
    tags text[] NOT NULL,
    changed_by varchar(200) NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, destination_id, version),
    FOREIGN KEY (tenant_id, destination_id) REFERENCES destinations (tenant_id, id) ON DELETE CASCADE
  );
  ${tenantPolicies('destination_configs')}
  GRANT SELECT, INSERT ON destination_configs TO distributor_app;
  REVOKE SELECT ON destination_configs FROM distributor_readonly;

  CREATE TABLE destination_health_checks (
    id uuid NOT NULL,
    tenant_id varchar(50) NOT NULL,
    destination_id uuid NOT NULL,
    status varchar(20) NOT NULL CHECK (status IN ('healthy', 'unhealthy')),
    latency_ms integer NOT NULL,
    error_code varchar(50),
    message text NOT NULL,
    checked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, destination_id) REFERENCES destinations (tenant_id, id) ON DELETE CASCADE
  );
  CREATE INDEX idx_destination_health_checks_destination
    ON destination_health_checks (tenant_id, destination_id, id);
  ${tenantPolicies('destination_health_checks')}
  GRANT SELECT, INSERT ON destination_health_checks TO distributor_app;
  GRANT SELECT, INSERT, DELETE ON destination_health_checks TO distributor_system;`;

// Conditions are one jsonb pattern, compiled in memory; rows per condition (rule_conditions) would earn nothing.
// A deleted rule keeps its row: its revision tells the processes that hold it in memory to let go of it.
const RULES = `
  CREATE TABLE rule_types (
    id varchar(30) PRIMARY KEY,
    evaluation_order integer NOT NULL UNIQUE,
    description text NOT NULL
  );
  INSERT INTO rule_types (id, evaluation_order, description) VALUES
    ('filtering', 1, 'drops a job or excludes destinations'),
    ('prioritization', 2, 'changes the priority of a job'),
    ('routing', 3, 'adds, replaces or removes destinations'),
    ('transformation', 4, 'chooses the transform of a destination');
  GRANT SELECT ON rule_types TO distributor_app, distributor_system, distributor_readonly;

  CREATE TABLE distribution_rules (
    id uuid PRIMARY KEY,
    name varchar(100) NOT NULL,
    description text,
    rule_type varchar(30) NOT NULL REFERENCES rule_types (id)
      CHECK (rule_type IN ('routing', 'transformation', 'filtering', 'prioritization')),
    conditions jsonb NOT NULL DEFAULT '{}',
    actions jsonb NOT NULL DEFAULT '{}',
    priority integer NOT NULL DEFAULT 0,
    enabled boolean NOT NULL DEFAULT true,
    version integer NOT NULL DEFAULT 1,
    revision bigint NOT NULL,
    tenant_id varchar(50) REFERENCES tenants (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT chk_distribution_rules_valid_conditions CHECK (jsonb_typeof(conditions) = 'object'),
    CONSTRAINT chk_distribution_rules_valid_actions CHECK (jsonb_typeof(actions) = 'object')
  );
  CREATE UNIQUE INDEX uk_distribution_rules_name
    ON distribution_rules (tenant_id, name) NULLS NOT DISTINCT WHERE deleted_at IS NULL;
  CREATE INDEX idx_distribution_rules_revision ON distribution_rules (tenant_id, revision);
  ${sharedPolicies('distribution_rules')}
  GRANT SELECT, INSERT, UPDATE, DELETE ON distribution_rules TO distributor_app, distributor_system;`;

const TRANSFORMS = `
  CREATE TABLE transforms (
    id uuid PRIMARY KEY,
    tenant_id varchar(50) NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    name varchar(100) NOT NULL,
    engine varchar(20) NOT NULL CHECK (engine IN ('field_mapping', 'jsonata', 'liquid')),
    spec jsonb NOT NULL,
    input_format varchar(20) NOT NULL DEFAULT 'json',
    output_format varchar(20) NOT NULL DEFAULT 'json'
      CHECK (output_format IN ('json', 'ndjson', 'xml', 'csv', 'form', 'text', 'raw')),
    output_schema jsonb,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uk_transforms_name UNIQUE (tenant_id, name),
    CONSTRAINT uk_transforms_tenant_id UNIQUE (tenant_id, id)
  );
  ${tenantPolicies('transforms')}
  GRANT SELECT, INSERT, UPDATE, DELETE ON transforms TO distributor_app;
  GRANT SELECT ON transforms TO distributor_system;`;

// Counts the changes of what processes keep in memory, so that one cheap query tells whether that is still current.
// A change takes its number in its own transaction and holds the row until it commits: numbers appear in order.
const REVISIONS = `
  CREATE TABLE configuration_revisions (
    tenant_id varchar(50) REFERENCES tenants (id) ON DELETE CASCADE,
    kind varchar(20) NOT NULL CHECK (kind IN ('rules', 'data_types')),
    revision bigint NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uk_configuration_revisions UNIQUE NULLS NOT DISTINCT (tenant_id, kind)
  );
  ${sharedPolicies('configuration_revisions')}
  GRANT SELECT, INSERT, UPDATE ON configuration_revisions TO distributor_app, distributor_system;`;

// Every version of a rule or data type as it was; append-only, kept when the thing itself is deleted.
const VERSIONS = `
  CREATE TABLE configuration_versions (
    tenant_id varchar(50) REFERENCES tenants (id) ON DELETE CASCADE,
    kind varchar(20) NOT NULL CHECK (kind IN ('rule', 'data_type')),
    resource_id varchar(100) NOT NULL,
    version integer NOT NULL,
    content jsonb NOT NULL,
    changed_by varchar(200) NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uk_configuration_versions UNIQUE NULLS NOT DISTINCT (tenant_id, kind, resource_id, version)
  );
  ${sharedPolicies('configuration_versions')}
  GRANT SELECT, INSERT ON configuration_versions TO distributor_app, distributor_system;`;
