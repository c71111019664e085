import { type JsonObject } from '../../src/kernel/json';

/** Rows that are the same up to their last field: whoever compares all with all needs count² × width steps. */
export const slowRows = (count: number, width: number): JsonObject => ({
  rows: Array.from({ length: count }, (_none, index) => ({ same: new Array<number>(width).fill(1), index })),
});
