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
    // Short statements only: compiling them costs more than it saves.
    for (const role of ['distributor_app', 'distributor_system']) await runner.query(withoutJit(role));
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

const withoutJit = (role: string): string => `
  DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${role}' AND 'jit=off' = ANY (rolconfig)) THEN
      ALTER ROLE ${role} SET jit = off;
    END IF;
  END $$`;
