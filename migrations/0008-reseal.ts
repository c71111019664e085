import { type MigrationInterface, type QueryRunner } from 'typeorm';
import { asOwner } from './support';

/**
 * Secrets of the platform itself (the key of keyed hashes), and the right to seal anew what a rotated key sealed.
 * The rotation of encryption keys seals columns anew, of every tenant; these columns and no others.
 */
export class Reseal1763600000008 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await asOwner(
      runner,
      `CREATE TABLE platform_secrets (name varchar(50) PRIMARY KEY, secret text NOT NULL)`,
      'GRANT SELECT, INSERT, UPDATE ON platform_secrets TO distributor_system',
      'GRANT UPDATE (secret) ON signing_secrets TO distributor_system',
      'GRANT SELECT, UPDATE (configuration) ON destination_configs TO distributor_system',
      'GRANT UPDATE (payload, destinations, callback) ON distribution_jobs TO distributor_system',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await asOwner(
      runner,
      'REVOKE UPDATE (secret) ON signing_secrets FROM distributor_system',
      'REVOKE SELECT, UPDATE (configuration) ON destination_configs FROM distributor_system',
      'REVOKE UPDATE (payload, destinations, callback) ON distribution_jobs FROM distributor_system',
      'DROP TABLE platform_secrets',
    );
  }
}
