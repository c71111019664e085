import { type MigrationInterface, type QueryRunner } from 'typeorm';
import { createRole } from './0001-roles';
import { asOwner, tenantPolicies } from './support';

/**
 * Intake by SQL (docs/sql-intake.md): procedures that leave a request in the caller's own transaction; the service makes
 * a job of it after the commit. Whose request it is decides the login of the session, which no parameter, setting or
 * SET ROLE changes.
 */
export class SqlIntake1763600000018 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createRole(runner, 'distributor_sql', 'NOLOGIN');
    await runner.query('GRANT USAGE ON SCHEMA public TO distributor_sql');
    await asOwner(runner, CLIENTS, REQUESTS, TENANT_OF_LOGIN, LEAVE_REQUEST, SUBMIT, UPDATE_STATUS, RIGHTS);
  }

  async down(runner: QueryRunner): Promise<void> {
    await asOwner(
      runner,
      'DROP PROCEDURE submit_distribution, update_distribution_status, leave_sql_request',
      'DROP FUNCTION tenant_of_login',
      'DROP TABLE sql_requests, sql_clients',
    );
    await runner.query('REVOKE ALL ON SCHEMA public FROM distributor_sql');
    await runner.query(`
      DO $$ BEGIN
        DROP ROLE distributor_sql;
      EXCEPTION WHEN dependent_objects_still_exist OR object_in_use OR undefined_object THEN NULL;
      END $$`);
  }
}

// The owner, whose rights the procedures have, sees the row of the session's login and no other: FORCE binds it too.
const CLIENTS = `
  CREATE TABLE sql_clients (
    login name PRIMARY KEY,
    tenant_id varchar(50) NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
  );
  ${tenantPolicies('sql_clients')}
  CREATE POLICY sql_clients_login ON sql_clients FOR SELECT TO distributor_owner, distributor_sql
    USING (login = session_user);
  GRANT SELECT, INSERT, DELETE ON sql_clients TO distributor_app;
  GRANT SELECT ON sql_clients TO distributor_system, distributor_sql;`;

const OWN = `login = session_user AND EXISTS (
    SELECT FROM sql_clients c WHERE c.login = session_user AND c.tenant_id = sql_requests.tenant_id)`;

// In the order of id, which is hidden from clients: it would tell how much others submit. The content goes when the
// request is settled.
const REQUESTS = `
  CREATE TABLE sql_requests (
    id bigint GENERATED ALWAYS AS IDENTITY,
    tenant_id varchar(50) NOT NULL,
    login name NOT NULL,
    action varchar(20) NOT NULL CHECK (action IN ('submit', 'cancel')),
    distribution_id varchar(100) NOT NULL,
    content jsonb,
    status varchar(20) NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'accepted', 'rejected')),
    error_code varchar(50),
    error_details jsonb,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    settled_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    CHECK ((status = 'pending') = (settled_at IS NULL)),
    CHECK ((status = 'rejected') = (error_code IS NOT NULL))
  );
  CREATE INDEX idx_sql_requests_pending ON sql_requests (tenant_id, id) WHERE status = 'pending';
  CREATE INDEX idx_sql_requests_login ON sql_requests (login, distribution_id);
  CREATE INDEX idx_sql_requests_settled ON sql_requests (settled_at) WHERE settled_at IS NOT NULL;
  ${tenantPolicies('sql_requests')}
  CREATE POLICY sql_requests_leave ON sql_requests FOR INSERT TO distributor_owner WITH CHECK (${OWN});
  CREATE POLICY sql_requests_login ON sql_requests FOR SELECT TO distributor_sql USING (${OWN});
  REVOKE SELECT ON sql_requests FROM distributor_readonly;
  GRANT SELECT, UPDATE, DELETE ON sql_requests TO distributor_app;
  GRANT SELECT, DELETE ON sql_requests TO distributor_system;
  GRANT SELECT (tenant_id, login, action, distribution_id, status, error_code, error_details, requested_at, settled_at)
    ON sql_requests TO distributor_sql;`;

const TENANT_OF_LOGIN = `
  CREATE FUNCTION tenant_of_login() RETURNS varchar STABLE
  SET search_path = pg_catalog, public, pg_temp LANGUAGE plpgsql AS $$
  DECLARE
    tenant varchar;
  BEGIN
    SELECT c.tenant_id INTO tenant FROM sql_clients c WHERE c.login = session_user;
    IF tenant IS NULL THEN
      RAISE EXCEPTION 'the login "%" is not a client of Distributor', session_user USING ERRCODE = '42501',
        HINT = 'An administrator makes it one: npm run sql-client -- create <login> --tenant <tenant>';
    END IF;
    RETURN tenant;
  END $$;`;

// The same notification many times in one transaction is one for those who listen.
const LEAVE_REQUEST = `
  CREATE PROCEDURE leave_sql_request(action varchar, distribution_id varchar, content jsonb)
  SET search_path = pg_catalog, public, pg_temp LANGUAGE plpgsql AS $$
  BEGIN
    IF length(distribution_id) > 100 THEN
      RAISE EXCEPTION 'p_distribution_id: must have at most 100 characters' USING ERRCODE = '22023';
    END IF;
    INSERT INTO sql_requests (tenant_id, login, action, distribution_id, content)
    VALUES (tenant_of_login(), session_user, action, distribution_id, content);
    PERFORM pg_notify('distribution_queue', 'sql_requests');
  END $$;`;

const SUBMIT = `
  CREATE PROCEDURE submit_distribution(
    p_tenant_id varchar,
    p_distribution_id varchar,
    p_data_type varchar,
    p_payload jsonb,
    p_destinations jsonb,
    p_priority varchar DEFAULT 'normal',
    p_callback_url text DEFAULT NULL,
    p_max_retries integer DEFAULT 3,
    p_expires_at timestamptz DEFAULT NULL
  )
  SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp LANGUAGE plpgsql AS $$
  DECLARE
    tenant varchar := tenant_of_login();
    named varchar := COALESCE(NULLIF(p_distribution_id, ''), gen_random_uuid()::text);
    options jsonb := jsonb_strip_nulls(jsonb_build_object(
      'max_retries', p_max_retries,
      'callback_url', p_callback_url,
      'expires_at', CASE WHEN isfinite(p_expires_at)
        THEN to_char(p_expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END));
  BEGIN
    IF p_tenant_id <> tenant THEN
      RAISE EXCEPTION 'p_tenant_id: the login "%" belongs to the tenant "%"', session_user, tenant
        USING ERRCODE = '42501', HINT = 'Name this tenant, or none (NULL).';
    END IF;
    CALL leave_sql_request('submit', named, jsonb_build_object(
      'distribution_id', named,
      'data_type', p_data_type,
      'payload', p_payload,
      'destinations', COALESCE(NULLIF(p_destinations, 'null'), '[]'),
      'priority', COALESCE(p_priority, 'normal'),
      'options', options));
  END $$;`;

const UPDATE_STATUS = `
  CREATE PROCEDURE update_distribution_status(
    p_distribution_id varchar,
    p_new_status varchar,
    p_error_message text DEFAULT NULL
  )
  SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp LANGUAGE plpgsql AS $$
  BEGIN
    IF p_new_status IS DISTINCT FROM 'cancelled' THEN
      RAISE EXCEPTION 'p_new_status: must be cancelled; every other status is what deliveries make of it'
        USING ERRCODE = '22023';
    END IF;
    IF COALESCE(p_distribution_id, '') = '' THEN
      RAISE EXCEPTION 'p_distribution_id: is required' USING ERRCODE = '22023';
    END IF;
    CALL leave_sql_request('cancel', p_distribution_id, jsonb_build_object('reason', left(p_error_message, 1000)));
  END $$;`;

// The two inner routines run with the rights of the procedures, as their owner; nobody else calls them.
const RIGHTS = `
  REVOKE ALL ON FUNCTION tenant_of_login FROM PUBLIC;
  REVOKE ALL ON PROCEDURE leave_sql_request, submit_distribution, update_distribution_status FROM PUBLIC;
  GRANT EXECUTE ON PROCEDURE submit_distribution, update_distribution_status TO distributor_sql;`;
