import { type MigrationInterface, type QueryRunner } from 'typeorm';
import { asOwner, tenantPolicies } from './support';

/** Who may come in: tenants, their keys and signing secrets, and the append-only record of what was changed. */
export class Tenants1763600000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await asOwner(runner, TENANTS, API_KEYS, SIGNING_SECRETS, AUDIT_LOG);
  }

  async down(runner: QueryRunner): Promise<void> {
    await asOwner(runner, 'DROP TABLE audit_log, signing_secrets, api_keys, tenants');
  }
}

const TENANTS = `
  CREATE TABLE tenants (
    id varchar(50) PRIMARY KEY CHECK (id ~ '^[a-zA-Z0-9_-]+$'),
    name varchar(100) NOT NULL,
    description text,
    status varchar(20) NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'inactive')),
    config jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    rate_limit_requests integer NOT NULL DEFAULT 1000 CHECK (rate_limit_requests > 0),
    rate_limit_window_seconds integer NOT NULL DEFAULT 60 CHECK (rate_limit_window_seconds > 0),
    burst_limit integer NOT NULL DEFAULT 200 CHECK (burst_limit > 0)
  );
  CREATE INDEX idx_tenants_status ON tenants (status);
  ${tenantPolicies('tenants', 'id')}
  GRANT SELECT, INSERT, UPDATE ON tenants TO distributor_app;
  GRANT SELECT, INSERT, UPDATE ON tenants TO distributor_system;`;

// A key is stored as a keyed hash; its prefix finds the row. A key without a tenant belongs to the platform.
const API_KEYS = `
  CREATE TABLE api_keys (
    id uuid PRIMARY KEY,
    tenant_id varchar(50) REFERENCES tenants (id) ON DELETE CASCADE,
    name varchar(100) NOT NULL,
    prefix varchar(16) NOT NULL,
    key_hash bytea NOT NULL,
    scopes text[] NOT NULL,
    rate_limit_requests integer CHECK (rate_limit_requests > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by varchar(100) NOT NULL,
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz
  );
  CREATE INDEX idx_api_keys_prefix ON api_keys (prefix);
  CREATE INDEX idx_api_keys_tenant ON api_keys (tenant_id);
  ${tenantPolicies('api_keys')}
  GRANT SELECT, INSERT, UPDATE ON api_keys TO distributor_app;
  GRANT SELECT, INSERT, UPDATE ON api_keys TO distributor_system;`;

// Secrets that sign deliveries and callbacks, encrypted. An old one stays valid until expires_at.
const SIGNING_SECRETS = `
  CREATE TABLE signing_secrets (
    id uuid NOT NULL,
    tenant_id varchar(50) NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    secret text NOT NULL,
    hint varchar(20) NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    PRIMARY KEY (tenant_id, id)
  );
  ${tenantPolicies('signing_secrets')}
  GRANT SELECT, INSERT, UPDATE ON signing_secrets TO distributor_app;
  GRANT SELECT ON signing_secrets TO distributor_system;
  REVOKE SELECT ON signing_secrets, api_keys FROM distributor_readonly;`;

// No UPDATE and no DELETE for anybody: what was done stays done. tenant_id NULL = the platform itself.
const AUDIT_LOG = `
  CREATE TABLE audit_log (
    id uuid PRIMARY KEY,
    tenant_id varchar(50),
    actor varchar(200) NOT NULL,
    action varchar(50) NOT NULL,
    resource_type varchar(50) NOT NULL,
    resource_id varchar(100) NOT NULL,
    details jsonb NOT NULL DEFAULT '{}',
    request_id varchar(100),
    created_at timestamptz NOT NULL DEFAULT now()
  );
  CREATE INDEX idx_audit_log_tenant_time ON audit_log (tenant_id, id);
  ${tenantPolicies('audit_log')}
  GRANT SELECT, INSERT ON audit_log TO distributor_app;
  GRANT SELECT, INSERT ON audit_log TO distributor_system;`;
