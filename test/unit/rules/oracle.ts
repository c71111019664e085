import { type JsonObject } from '../../../src/kernel/json';
import { naiveMatcher } from '../../../bench/naive-matcher';

/** What the rules of event patterns say, by trying everything. Lives in bench/, where it is the linear baseline too. */
export const oracle = (pattern: JsonObject, event: JsonObject): boolean => naiveMatcher(pattern)(event);
