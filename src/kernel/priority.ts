/** Of jobs, the most urgent first; the position is what the queue sorts by. */
export const PRIORITIES = ['critical', 'high', 'normal', 'low'] as const;
export type Priority = (typeof PRIORITIES)[number];
