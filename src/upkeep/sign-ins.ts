import { type Duty } from './duty';

/** Longer than any session lives (identity/sessions.sql.ts). */
const OLD_SESSIONS = {
  name: 'remove_old_user_sessions',
  text: `DELETE FROM user_sessions WHERE rotated_at < now() - interval '7 days'`,
};

/** Longer than a failure counts (identity/sign-in-throttle.ts). */
const OLD_FAILURES = {
  name: 'remove_old_sign_in_failures',
  text: `DELETE FROM sign_in_failures WHERE last_failure_at < now() - interval '2 hours'`,
};

/** Sessions that have ended by themselves and failures that no longer count leave nothing behind. */
export const signIns: Duty = {
  name: 'sign-ins',
  everySeconds: 3600,
  async run(tx) {
    await tx.query(OLD_SESSIONS, []);
    await tx.query(OLD_FAILURES, []);
  },
};
