import { type MigrationInterface, type QueryRunner } from 'typeorm';

/**
 * Temporary tables and functions outlive the transaction that makes them and come before the real ones in every search
 * path: one that an injected statement leaves on a pooled connection would take the rows of whoever gets the connection
 * next. Sessions of the service make none; clients and reports have sessions of their own and may. PostgreSQL only warns
 * where the login of the migrations does not own the database.
 */
export class TemporaryObjects1763600000019 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(onThisDatabase('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC'));
    await runner.query(onThisDatabase(`GRANT TEMPORARY ON DATABASE %I TO ${WITH_OWN_SESSIONS}`));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(onThisDatabase(`REVOKE TEMPORARY ON DATABASE %I FROM ${WITH_OWN_SESSIONS}`));
    await runner.query(onThisDatabase('GRANT TEMPORARY ON DATABASE %I TO PUBLIC'));
  }
}

const WITH_OWN_SESSIONS = 'distributor_sql, distributor_readonly';

const onThisDatabase = (statement: string): string =>
  `DO $$ BEGIN EXECUTE format('${statement}', current_database()); END $$`;
