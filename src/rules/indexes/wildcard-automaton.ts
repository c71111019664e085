import { type Work } from '../work';
import { RadixTrie } from './radix-trie';

/** Where a wildcard stands after one of its `*`: what may follow. The start of the automaton is one too. */
interface State<T extends object> {
  /** Wildcards that end with this `*`: whatever follows, they match. */
  rest: T | undefined;
  /** Last pieces: the text must end with them. */
  last: RadixTrie<{ value: T }> | undefined;
  /** Pieces before another `*`: the text must contain them. */
  inner: RadixTrie<State<T>> | undefined;
  /** The run that last entered this state. */
  run: number;
}

/**
 * All wildcards of one path as one automaton: wildcards share the states of their common beginnings. A state that is
 * reached is entered once, at the earliest position, because its `*` covers all later ones; so the cost is the length
 * of the text times the number of states reached, not the number of wildcards. Usual wildcards reach one or two; that
 * crafted ones reach thousands, in a text that makes each search long, is what the allowance of work is for.
 */
export class WildcardAutomaton<T extends object> {
  /** Wildcards without any `*`. */
  private readonly plain = new Map<string, T>();
  private readonly start: State<T> = newState();
  private lastRun = 0;

  get isEmpty(): boolean {
    return this.plain.size === 0 && isDead(this.start);
  }

  /** `pieces` are the literal parts around each `*`, so one more than there are stars. */
  get(pieces: readonly string[]): T | undefined {
    if (pieces.length === 1) return this.plain.get(first(pieces));
    const state = this.states(pieces)?.at(-1);
    return last(pieces) === '' ? state?.rest : state?.last?.get(last(pieces))?.value;
  }

  set(pieces: readonly string[], value: T): void {
    if (pieces.length === 1) {
      this.plain.set(first(pieces), value);
      return;
    }
    let state = this.start;
    for (const piece of pieces.slice(0, -1)) {
      state.inner ??= new RadixTrie();
      let next = state.inner.get(piece);
      if (next === undefined) state.inner.set(piece, (next = newState()));
      state = next;
    }
    if (last(pieces) === '') state.rest = value;
    else (state.last ??= new RadixTrie(true)).set(last(pieces), { value });
  }

  delete(pieces: readonly string[]): void {
    if (pieces.length === 1) {
      this.plain.delete(first(pieces));
      return;
    }
    const states = this.states(pieces);
    const state = states?.pop();
    if (states === undefined || state === undefined) return;
    if (last(pieces) === '') state.rest = undefined;
    else state.last?.delete(last(pieces));
    for (let dead = state; isDead(dead) && states.length > 0;) {
      const parent = states.pop() as State<T>;
      parent.inner?.delete(pieces[states.length] as string);
      dead = parent;
    }
  }

  collect(values: readonly unknown[], found: T[], work: Work): void {
    if (this.isEmpty) return;
    for (const value of values) {
      if (typeof value === 'string') this.run(value, found, work);
    }
  }

  private run(text: string, found: T[], work: Work): void {
    const plain = this.plain.get(text);
    if (plain !== undefined) found.push(plain);
    const run = ++this.lastRun;
    const states: State<T>[] = [];
    const entered: number[] = [];
    work.spend(1 + (this.start.inner?.collect(text, 0, states, entered) ?? 0));
    for (let i = 0; i < states.length; i++) {
      const state = states[i] as State<T>;
      const from = entered[i] as number;
      if (state.rest !== undefined) found.push(state.rest);
      if (state.last !== undefined) endings(state.last, text, from, found, work);
      if (state.inner !== undefined) follow(state.inner, text, { run, from, states, entered }, work);
    }
  }

  /** The states that a wildcard passes, the start included; undefined where it was never added. */
  private states(pieces: readonly string[]): State<T>[] | undefined {
    const states = [this.start];
    for (const piece of pieces.slice(0, -1)) {
      const next = states.at(-1)?.inner?.get(piece);
      if (next === undefined) return undefined;
      states.push(next);
    }
    return states;
  }
}

const first = (pieces: readonly string[]): string => pieces[0] ?? '';
const last = (pieces: readonly string[]): string => pieces.at(-1) ?? '';

const newState = <T extends object>(): State<T> => ({
  rest: undefined,
  last: undefined,
  inner: undefined,
  run: 0,
});

const isDead = <T extends object>(state: State<T>): boolean =>
  state.rest === undefined && (state.last?.isEmpty ?? true) && (state.inner?.isEmpty ?? true);

/** The last piece may not overlap what was read before the `*`. */
function endings<T extends object>(
  trie: RadixTrie<{ value: T }>,
  text: string,
  from: number,
  found: T[],
  work: Work,
): void {
  const ends: { value: T }[] = [];
  const lengths: number[] = [];
  work.spend(trie.collect(text, 0, ends, lengths));
  for (let i = 0; i < ends.length; i++) {
    if ((lengths[i] as number) <= text.length - from) found.push((ends[i] as { value: T }).value);
  }
}

interface Progress<T extends object> {
  run: number;
  from: number;
  states: State<T>[];
  entered: number[];
}

/** A node of a trie against a character that no piece starts with. */
const VISIT = 8;

/** Enters every state whose piece occurs in the text from `from` on, each at its first occurrence. */
function follow<T extends object>(
  trie: RadixTrie<State<T>>,
  text: string,
  { run, from, states, entered }: Progress<T>,
  work: Work,
): void {
  const hits: State<T>[] = [];
  const ends: number[] = [];
  let missing = trie.size;
  let at = from;
  for (; at < text.length && missing > 0; at++) {
    if (!trie.mayStart(text.charCodeAt(at))) continue;
    work.spend(VISIT * trie.collect(text, at, hits, ends));
    for (let i = 0; i < hits.length; i++) {
      const state = hits[i] as State<T>;
      if (state.run === run) continue;
      state.run = run;
      missing--;
      states.push(state);
      entered.push(ends[i] as number);
    }
    if (hits.length > 0) hits.length = ends.length = 0;
  }
  work.spend(at - from);
}
