import { type MigrationInterface, type QueryRunner } from 'typeorm';

/**
 * Temporary tables and functions outlive the transaction that makes them and come before the real ones in every search
 * path: one that an injected statement leaves on a pooled connection would take the rows of whoever gets the connection
 * next. Tenants' sessions make none. Clients and reports have sessions of their own and may; so may the system's, which see
 * every tenant anyway: to refresh a materialised view beside its readers takes a temporary table. PostgreSQL only warns
 * where the login of the migrations does not own the database.
 */
export class TemporaryObjects1763600000019 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(onThisDatabase('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC'));
    await runner.query(onThisDatabase(`GRANT TEMPORARY ON DATABASE %I TO ${NOT_OF_TENANTS}`));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(onThisDatabase(`REVOKE TEMPORARY ON DATABASE %I FROM ${NOT_OF_TENANTS}`));
    await runner.query(onThisDatabase('GRANT TEMPORARY ON DATABASE %I TO PUBLIC'));
  }
}

const NOT_OF_TENANTS = 'distributor_sql, distributor_readonly, distributor_system';

const onThisDatabase = (statement: string): string =>
  `DO $$ BEGIN EXECUTE format('${statement}', current_database()); END $$`;
