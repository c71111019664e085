import { type MigrationInterface, type QueryRunner } from 'typeorm';

/**
 * Four roles (docs/adr/0003-roles.md). They belong to the cluster, not to this database, so another
 * database of ours may have made them already, perhaps at this very moment. Where an administrator has prepared
 * them (docs/operations.md), nothing here needs the right to create or alter a role.
 */
export class Roles1763600000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createRole(runner, 'distributor_owner', 'NOLOGIN');
    await createRole(runner, 'distributor_app', 'LOGIN');
    await createRole(runner, 'distributor_system', 'LOGIN');
    await createRole(runner, 'distributor_readonly', 'NOLOGIN');
    for (const role of ['distributor_owner', 'distributor_system']) await runner.query(mayBecome(role));
    for (const role of ['distributor_app', 'distributor_system']) {
      for (const setting of PLANNER) await runner.query(withOff(role, setting));
    }
    await runner.query('GRANT USAGE, CREATE ON SCHEMA public TO distributor_owner');
    await runner.query(
      'GRANT USAGE ON SCHEMA public TO distributor_app, distributor_system, distributor_readonly',
    );
  }

  /** The roles themselves stay where another database of the cluster still uses them. */
  async down(runner: QueryRunner): Promise<void> {
    for (const role of [
      'distributor_app',
      'distributor_system',
      'distributor_readonly',
      'distributor_owner',
    ]) {
      await runner.query(`REVOKE ALL ON SCHEMA public FROM ${role}`);
      await runner.query(`
        DO $$ BEGIN
          DROP ROLE ${role};
        EXCEPTION WHEN dependent_objects_still_exist OR object_in_use OR undefined_object THEN NULL;
        END $$`);
    }
  }
}

/*
 * Every query of the service has an index to go by. The queue grows and shrinks faster than statistics follow, and
 * a plan that was made while it was empty would read all of it at every claim when it is full. Compiling such short
 * statements costs more than it saves.
 */
const PLANNER = ['enable_seqscan', 'enable_bitmapscan', 'jit'];

const createRole = (runner: QueryRunner, name: string, login: 'LOGIN' | 'NOLOGIN'): Promise<unknown> =>
  runner.query(`
    DO $$ BEGIN
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${name}') THEN
        CREATE ROLE ${name} ${login} NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
      END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END $$`);

/** From version 16 on, who creates a role is its member at once, but may not become it before granting it to himself. */
const mayBecome = (role: string): string => `
  DO $$ BEGIN
    IF NOT pg_has_role(current_user, '${role}',
      CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END)
    THEN
      EXECUTE format('GRANT ${role} TO %I', current_user);
    END IF;
  END $$`;

/** Nothing is altered where it is so already: that would need the right to. */
const withOff = (role: string, setting: string): string => `
  DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${role}' AND '${setting}=off' = ANY (rolconfig)) THEN
      ALTER ROLE ${role} SET ${setting} = off;
    END IF;
  END $$`;
