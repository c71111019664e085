import { type Duty } from './duty';

/**
 * Deliveries whose job has expired become due, however late their next attempt was planned: the worker that claims
 * one records it as EXPIRED. One way out for every delivery.
 */
const EXPIRE = {
  name: 'expire_ready',
  text: `
    UPDATE ready_attempts SET due_at = now()
    WHERE expires_at <= now() AND due_at > now() AND leased_by IS NULL`,
};

export const expire: Duty = {
  name: 'expire',
  everySeconds: 1,
  async run(tx) {
    await tx.query(EXPIRE, []);
  },
};
