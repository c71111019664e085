import { type MigrationInterface, type QueryRunner } from 'typeorm';
import { asOwner, tenantPolicies } from './support';

/** People who sign in to the console: users of tenants and of the platform, their sessions, their failed sign-ins. */
export class Users1763600000010 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await asOwner(runner, USERS, USER_SESSIONS, SIGN_IN_FAILURES, ACTORS);
  }

  /** `created_by` keeps its width: a longer actor may stand there by now. */
  async down(runner: QueryRunner): Promise<void> {
    await asOwner(runner, 'DROP TABLE sign_in_failures, user_sessions, users');
  }
}

// A user without a tenant is a platform administrator. Names and addresses are stored in lower case, so that plain
// equality finds them by an index. A session counts only if it is not older than sessions_valid_from.
const USERS = `
  CREATE TABLE users (
    id uuid PRIMARY KEY,
    tenant_id varchar(50) REFERENCES tenants (id) ON DELETE CASCADE,
    username varchar(100) NOT NULL CHECK (username = lower(username)),
    email varchar(254) CHECK (email = lower(email)),
    password_hash text NOT NULL,
    role varchar(20) NOT NULL
      CHECK (role IN ('viewer', 'operator', 'configurator', 'tenant_admin', 'platform_admin')),
    status varchar(20) NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
    sessions_valid_from timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by varchar(200) NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    last_sign_in_at timestamptz,
    CHECK ((role = 'platform_admin') = (tenant_id IS NULL))
  );
  CREATE UNIQUE INDEX users_username_key ON users (tenant_id, username) NULLS NOT DISTINCT;
  CREATE UNIQUE INDEX users_email_key ON users (tenant_id, email) NULLS NOT DISTINCT WHERE email IS NOT NULL;
  ${tenantPolicies('users')}
  REVOKE SELECT ON users FROM distributor_readonly;
  GRANT SELECT, INSERT, UPDATE, DELETE ON users TO distributor_app;
  GRANT SELECT, INSERT, UPDATE, DELETE ON users TO distributor_system;`;

// No tenant and no grant for tenants' sessions: a refresh token is what tells whose it is. Tokens are keyed hashes.
const USER_SESSIONS = `
  CREATE TABLE user_sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash bytea NOT NULL,
    previous_hash bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    rotated_at timestamptz NOT NULL DEFAULT now()
  );
  CREATE INDEX idx_user_sessions_user ON user_sessions (user_id);
  CREATE INDEX idx_user_sessions_rotated ON user_sessions (rotated_at);
  GRANT SELECT, INSERT, UPDATE, DELETE ON user_sessions TO distributor_system;`;

// Keyed hashes of who tried and from where; counted alike whether the user exists or not.
const SIGN_IN_FAILURES = `
  CREATE TABLE sign_in_failures (
    subject bytea PRIMARY KEY,
    failures integer NOT NULL DEFAULT 0,
    last_failure_at timestamptz NOT NULL DEFAULT now(),
    locked_until timestamptz
  );
  CREATE INDEX idx_sign_in_failures_time ON sign_in_failures (last_failure_at);
  GRANT SELECT, INSERT, UPDATE, DELETE ON sign_in_failures TO distributor_system;`;

// An actor is "key:" and a name of up to 100 characters; the column had room for the name alone.
const ACTORS = `ALTER TABLE api_keys ALTER COLUMN created_by TYPE varchar(200)`;
