import { type Issue } from '../kernel/errors';

/** Reads one operator's argument; what is wrong with it goes to `issues`, and then there is no result. */
export type Reader<T> = (input: unknown, at: string, issues: Issue[]) => T | undefined;
