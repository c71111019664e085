import { type JsonObject } from '../../kernel/json';
import { type Transform } from '../transform';
import { type Work } from '../work';

/** One line of JSON in each direction, one line back for each line in, in order. */
export type Request =
  | { kind: 'transform'; work: Work }
  | { kind: 'condition'; expression: string }
  /** Compiles without running. */
  | { kind: 'check'; transform: Transform }
  | { kind: 'check_condition'; expression: string };

/** As written: the input stands beside the request as the JSON text it was, parsed for the first time in the child. */
export type RequestLine = Request & { input: JsonObject };

export type Reply =
  | { ok: true; body: string; contentType: string }
  | { ok: true; result: boolean }
  | { ok: false; message: string };

/** The child's first line: everything is loaded, deadlines may run. */
export const READY = 'ready';
/** Argument of the child: how long a program may run before it ends itself. */
export const ownDeadline = (deadlineMs: number): number => Math.max(20, Math.floor(deadlineMs * 0.8));
