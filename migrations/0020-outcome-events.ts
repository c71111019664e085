import { type MigrationInterface, type QueryRunner } from 'typeorm';
import { asOwner } from './support';

/**
 * Callbacks that go to the broker instead of to an address. An older process that runs meanwhile takes those for
 * callbacks without an address and gives them up: turn outcome events on for a tenant when all processes are of this
 * version. What was given up can be replayed.
 */
export class OutcomeEvents1763600000020 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await asOwner(runner, CHANNEL, DUE_BY_CHANNEL);
  }

  async down(runner: QueryRunner): Promise<void> {
    await asOwner(
      runner,
      `DELETE FROM distribution_callbacks WHERE channel = 'events'`,
      `DROP INDEX idx_distribution_callbacks_due`,
      `CREATE INDEX idx_distribution_callbacks_due ON distribution_callbacks (due_at) WHERE status = 'pending'`,
      `ALTER TABLE distribution_callbacks ALTER COLUMN callback_url SET NOT NULL`,
      `ALTER TABLE distribution_callbacks DROP COLUMN channel`,
    );
  }
}

const CHANNEL = `
  ALTER TABLE distribution_callbacks
    ADD COLUMN channel varchar(20) NOT NULL DEFAULT 'webhook',
    ALTER COLUMN callback_url DROP NOT NULL,
    ADD CONSTRAINT chk_distribution_callbacks_channel CHECK (
      (channel = 'webhook' AND callback_url IS NOT NULL) OR (channel = 'events' AND callback_url IS NULL));`;

// While the broker is away its channel gathers rows, over which the claims of the other one must not step.
const DUE_BY_CHANNEL = `
  DROP INDEX idx_distribution_callbacks_due;
  CREATE INDEX idx_distribution_callbacks_due ON distribution_callbacks (channel, due_at) WHERE status = 'pending';`;
