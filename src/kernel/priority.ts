/** Of jobs, the most urgent first. */
export const PRIORITIES = ['critical', 'high', 'normal', 'low'] as const;
export type Priority = (typeof PRIORITIES)[number];

/** Place of a delivery in its lane: two for each priority, so that first attempts are not stuck behind retries. */
export const rankOf = (priority: Priority): number => 2 * PRIORITIES.indexOf(priority);

/**
 * Seconds that a delivery of each rank (first attempt, retry, first attempt, …) lets pass before it counts as urgent
 * as one that is critical and due now. What waits grows more urgent, so nothing starves.
 */
export const SLACK_SECONDS = [0, 3, 5, 10, 15, 30, 60, 90] as const;

/** Deliveries of one lane that are due, the most urgent of this rank. */
export interface DueLane {
  tenantId: string;
  laneId: string;
  rank: number;
}
