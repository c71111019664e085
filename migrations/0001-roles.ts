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
    for (const role of ['distributor_owner', 'distributor_system']) await mayBecome(runner, role);
    for (const role of ['distributor_app', 'distributor_system']) {
      for (const setting of PLANNER) await switchOff(runner, role, setting);
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

export const createRole = (runner: QueryRunner, name: string, login: 'LOGIN' | 'NOLOGIN'): Promise<void> =>
  once(
    runner,
    `EXISTS (SELECT FROM pg_roles WHERE rolname = '${name}')`,
    `CREATE ROLE ${name} ${login} NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS`,
  );

/**
 * A change to the cluster's roles that two databases may be making at the same time. No lock reaches across
 * databases, and PostgreSQL ends the later one with "tuple concurrently updated" (internal_error): it looks again.
 */
async function once(runner: QueryRunner, done: string, statement: string): Promise<void> {
  await runner.query(`
    DO $$ BEGIN
      FOR tries IN 1 .. 100 LOOP
        EXIT WHEN ${done};
        BEGIN
          ${statement};
        EXCEPTION WHEN duplicate_object OR unique_violation OR internal_error THEN
          IF tries = 100 THEN RAISE; END IF;
          PERFORM pg_sleep(0.05);
        END;
      END LOOP;
    END $$`);
}

/** From version 16 on, who creates a role is its member at once, but may not become it before granting it to himself. */
const mayBecome = (runner: QueryRunner, role: string): Promise<void> =>
  once(
    runner,
    `pg_has_role(current_user, '${role}',
       CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END)`,
    `EXECUTE format('GRANT ${role} TO %I', current_user)`,
  );

/** Nothing is altered where it is so already: that would need the right to. */
const switchOff = (runner: QueryRunner, role: string, setting: string): Promise<void> =>
  once(
    runner,
    `EXISTS (SELECT FROM pg_roles WHERE rolname = '${role}' AND '${setting}=off' = ANY (rolconfig))`,
    `ALTER ROLE ${role} SET ${setting} = off`,
  );
