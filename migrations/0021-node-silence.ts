import { type MigrationInterface, type QueryRunner } from 'typeorm';
import { asOwner } from './support';

/**
 * How long a node may be silent before it counts as lost, said by itself: one of the version before, which beats less
 * often, gets the time that it was written for. `heard_since`: since when there was no gap between its heartbeats.
 */
export class NodeSilence1763600000021 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await asOwner(
      runner,
      `ALTER TABLE nodes
         ADD COLUMN lost_after_seconds integer NOT NULL DEFAULT 15,
         ADD COLUMN heard_since timestamptz NOT NULL DEFAULT now()`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await asOwner(runner, 'ALTER TABLE nodes DROP COLUMN heard_since, DROP COLUMN lost_after_seconds');
  }
}
