import { type Json, type JsonObject } from '../kernel/json';
import { foldCase } from './fold-case';
import { type Scalar } from './matchers';
import { type PathNode, stepInto } from './path-tree';
import { ALLOWANCE_PER_CHARACTER, BASE_ALLOWANCE, MatchingTooCostly, type Work } from './work';

/** All values of an event at one path; `elements[i]` is the array element that `values[i]` lies in. */
export class FlatField {
  readonly values: Scalar[] = [];
  readonly elements: number[] = [];
  /** No value lies in an element of its own: whichever satisfies a condition, other fields are free. */
  isFree = true;
  private byValue: Map<Scalar, number[]> | undefined;
  private foldedTexts: string[] | undefined;

  constructor(readonly path: PathNode) {}

  add(value: Scalar, element: number): void {
    this.values.push(value);
    this.elements.push(element);
    if (element !== EVERYWHERE) this.isFree = false;
  }

  /** The strings among the values, folded: once, however many rules ask. */
  get folded(): readonly string[] {
    this.foldedTexts ??= this.values.flatMap((value) => (typeof value === 'string' ? [foldCase(value)] : []));
    return this.foldedTexts;
  }

  /** The elements with exactly this value. For long fields: the first call reads all values, later ones none. */
  elementsWith(value: Scalar): readonly number[] {
    if (this.byValue === undefined) {
      this.byValue = new Map();
      for (let i = 0; i < this.values.length; i++) {
        const places = this.byValue.get(this.values[i] as Scalar);
        if (places !== undefined) places.push(this.elements[i] as number);
        else this.byValue.set(this.values[i] as Scalar, [this.elements[i] as number]);
      }
    }
    return this.byValue.get(value) ?? [];
  }
}

/** No array, or only arrays that leave no choice. */
export const EVERYWHERE = 0;

/**
 * Array elements as a tree of numbers: `arrays[e]` is the array that element e lies in, `parents[e]` the element around
 * that array. An element has a larger number than its parent.
 */
export interface ElementTree {
  readonly parents: number[];
  readonly arrays: number[];
}

/** Arrays deeper inside one another than this share the position of the one around them; bounds later recursion. */
const DEEPEST_ELEMENT = 256;

const FEW_FIELDS = 3;

let lastSerial = 0;

/** An event reduced to the paths that rules mention. Never changed after flatten returned it. */
export class FlatEvent implements ElementTree, Work {
  /** By this, not by a reference that would keep the event alive, others remember what they found for an event. */
  readonly serial = ++lastSerial;
  readonly fields: FlatField[] = [];
  readonly parents: number[] = [EVERYWHERE];
  readonly arrays: number[] = [0];
  private readonly depths: number[] = [0];
  /** Only for events with many fields: a few are found quicker by looking at each. */
  private byPath: Map<PathNode, FlatField> | undefined;
  private arrayCount = 0;
  private allowance = BASE_ALLOWANCE;

  field(path: PathNode): FlatField | undefined {
    if (this.byPath !== undefined) return this.byPath.get(path);
    for (const field of this.fields) {
      if (field.path === path) return field;
    }
    return undefined;
  }

  spend(units: number): void {
    this.allowance -= units;
    if (this.allowance < 0) throw new MatchingTooCostly();
  }

  add(path: PathNode, value: Scalar, element: number): void {
    const field = this.field(path) ?? this.newField(path);
    field.add(value, element);
    this.allowance += ALLOWANCE_PER_CHARACTER * (typeof value === 'string' ? value.length + 1 : 1);
  }

  private newField(path: PathNode): FlatField {
    const field = new FlatField(path);
    this.fields.push(field);
    if (this.byPath !== undefined) this.byPath.set(path, field);
    else if (this.fields.length > FEW_FIELDS) {
      this.byPath = new Map(this.fields.map((known) => [known.path, known]));
    }
    return field;
  }

  newArray(): number {
    return ++this.arrayCount;
  }

  newElement(array: number, parent: number): number {
    const depth = (this.depths[parent] ?? 0) + 1;
    if (depth > DEEPEST_ELEMENT) return parent;
    this.parents.push(parent);
    this.arrays.push(array);
    this.depths.push(depth);
    return this.parents.length - 1;
  }
}

/** Objects and arrays still to be read; a list instead of recursion, because events may be nested without bound. */
interface Pending {
  path: PathNode;
  value: Json[] | JsonObject;
  element: number;
}

/** Linear in the size of the event; what no rule mentions costs one look-up of its key. */
export function flatten(root: PathNode, event: JsonObject): FlatEvent {
  const flat = new FlatEvent();
  const pending: Pending[] = [];
  flattenObject(root, event, EVERYWHERE, flat, pending);
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { path, value, element } = next;
    if (Array.isArray(value)) flattenArray(path, value, element, flat, pending);
    else flattenObject(path, value, element, flat, pending);
  }
  return flat;
}

function flattenObject(
  path: PathNode,
  object: JsonObject,
  element: number,
  flat: FlatEvent,
  pending: Pending[],
): void {
  if (path.children === undefined) return;
  for (const key of Object.keys(object)) {
    const child = stepInto(path, key);
    if (child !== undefined) take(child, object[key], element, flat, pending);
  }
}

/**
 * Scalars belong to the element around their array: only objects (and arrays) in an array are told apart. The element
 * of an array of one leaves no choice and so needs no number of its own.
 */
function flattenArray(
  path: PathNode,
  array: Json[],
  element: number,
  flat: FlatEvent,
  pending: Pending[],
): void {
  const id = flat.newArray();
  for (const item of array) {
    const isApart = typeof item === 'object' && item !== null && array.length > 1;
    take(path, item, isApart ? flat.newElement(id, element) : element, flat, pending);
  }
}

function take(
  path: PathNode,
  value: Json | undefined,
  element: number,
  flat: FlatEvent,
  pending: Pending[],
): void {
  if (value === undefined) return;
  if (typeof value === 'object' && value !== null) pending.push({ path, value, element });
  else if (path.uses > 0) flat.add(path, value, element);
}
