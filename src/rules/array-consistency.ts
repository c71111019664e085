import { EVERYWHERE, type ElementTree } from './flatten';
import { type Work } from './work';

/** Elements of arrays in which some value satisfies a condition. */
export type Places = readonly number[];

/**
 * The rule of array consistency, for one event: fields of one rule may not be satisfied by different elements of the
 * same array.
 */
export class ArrayConsistency {
  private readonly marks: Int32Array;
  private lastMark = 0;
  /** Kept, because many rules may share a condition that is satisfied in thousands of elements. */
  private readonly reaches = new Map<Places, Reach>();

  constructor(
    private readonly tree: ElementTree,
    private readonly work: Work,
  ) {
    this.marks = new Int32Array(tree.parents.length);
  }

  /** `choices` holds, for each field, the elements in which it is satisfied, at least one. */
  allows(choices: readonly Places[]): boolean {
    this.work.spend(choices.reduce((sum, { length }) => sum + length, 0));
    return this.haveCommonElement(choices) || (!this.liesInOneArray(choices) && this.isSatisfiable(choices));
  }

  /** The usual case, all the fields in one element: linear, without building anything. */
  private haveCommonElement(choices: readonly Places[]): boolean {
    const { marks } = this;
    let mark = this.lastMark + 1;
    this.lastMark += choices.length + 1;
    for (const element of choices[0] ?? []) marks[element] = mark;
    for (const places of choices.slice(1)) {
      let isShared = false;
      for (const element of places) {
        if (marks[element] !== mark) continue;
        marks[element] = mark + 1;
        isShared = true;
      }
      if (!isShared) return false;
      mark++;
    }
    return true;
  }

  /** Then a common element is the only way. */
  private liesInOneArray(choices: readonly Places[]): boolean {
    const { arrays } = this.tree;
    const array = arrays[choices[0]?.[0] ?? EVERYWHERE];
    return choices.every((places) => places.every((element) => arrays[element] === array));
  }

  private isSatisfiable(choices: readonly Places[]): boolean {
    return satisfiable(
      EVERYWHERE,
      choices.map((places) => this.reach(places)),
      this.work,
    );
  }

  private reach(places: Places): Reach {
    let reach = this.reaches.get(places);
    if (reach === undefined) {
      this.work.spend(VISIT * places.length);
      this.reaches.set(places, (reach = new Reach(this.tree, places)));
    }
    return reach;
  }
}

/** For one field: the elements that satisfy it and all elements and arrays on the way to them. */
class Reach {
  readonly own: Set<number>;
  /** By element: the arrays right inside it that lead on. */
  readonly arrays = new Map<number, number[]>();
  /** By array: its elements that lead on. */
  readonly members = new Map<number, number[]>();

  constructor(tree: ElementTree, places: Places) {
    this.own = new Set(places);
    const seen = new Set<number>();
    for (let element of this.own) {
      while (element !== EVERYWHERE && !seen.has(element)) {
        seen.add(element);
        const array = tree.arrays[element] as number;
        const parent = tree.parents[element] as number;
        const members = this.members.get(array);
        if (members === undefined) {
          this.members.set(array, [element]);
          append(this.arrays, parent, array);
        } else {
          members.push(element);
        }
        element = parent;
      }
    }
  }
}

function append(map: Map<number, number[]>, key: number, value: number): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

type Assignment = Map<number, Reach[]>;

/** A step from one element to another, against trying a value. */
const VISIT = 8;

/** Whether one choice of elements inside this one satisfies all the fields. */
function satisfiable(element: number, fields: readonly Reach[], work: Work): boolean {
  work.spend(VISIT * fields.length);
  const groups: Assignment = new Map();
  const ambiguous: { field: Reach; arrays: number[] }[] = [];
  for (const field of fields) {
    if (field.own.has(element)) continue;
    const arrays = field.arrays.get(element);
    const [array] = arrays ?? [];
    if (arrays === undefined || array === undefined) return false;
    if (arrays.length > 1) ambiguous.push({ field, arrays });
    else groups.set(array, [...(groups.get(array) ?? []), field]);
  }
  if (ambiguous.length > 0) return anyAssignment(groups, ambiguous, work);
  for (const [array, group] of groups) {
    if (!someElement(array, group, work)) return false;
  }
  return true;
}

/** The field with the fewest candidates decides which elements are looked at: linear in the size of the array. */
function someElement(array: number, fields: readonly Reach[], work: Work): boolean {
  const candidates = fields.map((field) => field.members.get(array) ?? []);
  const fewest = candidates.reduce((a, b) => (b.length < a.length ? b : a));
  return fewest.some((element) => satisfiable(element, fields, work));
}

/**
 * Only an event that spells one path in several ways (`{"a.b":[..],"a":{"b":[..]}}`) offers a field more than one
 * array. Which array serves which field is then a search; after this many ways it is given up as not matching, so
 * that no event can make it exponential. Eight such fields with two spellings are searched completely.
 */
const MOST_ASSIGNMENTS = 256;

function anyAssignment(
  groups: Assignment,
  ambiguous: { field: Reach; arrays: number[] }[],
  work: Work,
): boolean {
  const ways = ambiguous.reduce((product, { arrays }) => product * arrays.length, 1);
  for (let way = 0; way < Math.min(ways, MOST_ASSIGNMENTS); way++) {
    const chosen: Assignment = new Map(groups);
    let rest = way;
    for (const { field, arrays } of ambiguous) {
      const array = arrays[rest % arrays.length] as number;
      rest = Math.floor(rest / arrays.length);
      chosen.set(array, [...(chosen.get(array) ?? []), field]);
    }
    if ([...chosen].every(([array, fields]) => someElement(array, fields, work))) return true;
  }
  return false;
}
