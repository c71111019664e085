import { type Issue } from '../kernel/errors';
import { isJsonObject, type JsonObject } from '../kernel/json';
import { PRIORITIES, type Priority } from '../kernel/priority';

/** In the order of evaluation. */
export const RULE_TYPES = ['filtering', 'prioritization', 'routing', 'transformation'] as const;
export type RuleType = (typeof RULE_TYPES)[number];

const ROUTING_MODES = ['add', 'replace', 'remove'] as const;
export type RoutingMode = (typeof ROUTING_MODES)[number];

export interface RoutingAction {
  type: 'routing';
  destinations: string[];
  tags: string[];
  mode: RoutingMode;
  stop: boolean;
  /** In order of preference: the first usable one stands in for what the rule could not add. */
  fallback: string[];
}

/** What a rule does where it applies: exact, after parseActions. */
export type RuleAction =
  | { type: 'filtering'; drop: true; reason: string | undefined }
  | { type: 'filtering'; drop: false; exclude: string[] }
  | { type: 'prioritization'; priority: Priority }
  | RoutingAction
  /** `destinations` undefined: every destination of the job. */
  | { type: 'transformation'; transform: string | JsonObject; destinations: string[] | undefined };

export type ParsedActions = { ok: true; action: RuleAction } | { ok: false; issues: Issue[] };

/** Names in one list; more is a sign of a list that wants to be a tag. */
const MOST_NAMES = 100;
const MOST_CHARACTERS = 100;
const MOST_REASON = 500;

const FIELDS: Record<RuleType, readonly string[]> = {
  filtering: ['drop', 'reason', 'exclude_destinations'],
  prioritization: ['priority'],
  routing: ['destinations', 'tags', 'mode', 'stop', 'fallback'],
  transformation: ['transform', 'destinations'],
};

/** Reads actions as they were submitted; every issue names its place. */
export function parseActions(type: RuleType, input: unknown, at = 'actions'): ParsedActions {
  if (!isJsonObject(input)) {
    return { ok: false, issues: [{ field: at, issue: `must be an object: ${SHAPES[type]}` }] };
  }
  const reader = new Reader(input, at);
  for (const name of Object.keys(input)) {
    if (!FIELDS[type].includes(name)) {
      reader.refuse(name, `is not an action of a ${type} rule; it takes ${FIELDS[type].join(', ')}`);
    }
  }
  const action = READERS[type](reader);
  return reader.issues.length > 0 ? { ok: false, issues: reader.issues } : { ok: true, action };
}

const SHAPES: Record<RuleType, string> = {
  filtering: '{"drop": true, "reason": "…"} or {"exclude_destinations": ["…"]}',
  prioritization: '{"priority": "high"}',
  routing: '{"destinations": ["…"], "tags": ["…"], "mode": "add"}',
  transformation: '{"transform": "…", "destinations": ["…"]}',
};

class Reader {
  readonly issues: Issue[] = [];

  constructor(
    private readonly input: JsonObject,
    readonly at: string,
  ) {}

  get(name: string): unknown {
    return this.input[name];
  }

  refuse(name: string, issue: string): void {
    this.issues.push({ field: name === '' ? this.at : `${this.at}.${name}`, issue });
  }

  /** Undefined where it is absent. */
  names(name: string): string[] | undefined {
    const value = this.get(name);
    if (value === undefined) return undefined;
    if (!Array.isArray(value) || value.length === 0) {
      this.refuse(name, 'must be a non-empty list of names, or left out');
      return [];
    }
    if (value.length > MOST_NAMES) this.refuse(name, `holds more than ${MOST_NAMES} names: use a tag`);
    const names: string[] = [];
    value.forEach((one: unknown, position) => {
      if (typeof one !== 'string' || one === '' || one.length > MOST_CHARACTERS) {
        this.refuse(`${name}[${position}]`, `must be a name of 1 to ${MOST_CHARACTERS} characters`);
      } else if (!names.includes(one)) names.push(one);
    });
    return names;
  }

  oneOf<Value extends string>(name: string, values: readonly Value[], fallback: Value): Value {
    const value = this.get(name) ?? fallback;
    const found = values.find((one) => one === value);
    if (found === undefined) this.refuse(name, `must be one of ${values.join(', ')}`);
    return found ?? fallback;
  }
}

const READERS: Record<RuleType, (reader: Reader) => RuleAction> = {
  filtering: readFiltering,
  prioritization: (reader) => {
    if (reader.get('priority') === undefined) reader.refuse('priority', 'is required');
    return { type: 'prioritization', priority: reader.oneOf('priority', PRIORITIES, 'normal') };
  },
  routing: readRouting,
  transformation: readTransformation,
};

function readFiltering(reader: Reader): RuleAction {
  const drop = reader.get('drop');
  const reason = reader.get('reason');
  const exclude = reader.names('exclude_destinations');
  if (drop !== undefined && exclude !== undefined) {
    reader.refuse('', 'has both drop and exclude_destinations: make two rules of it');
  } else if (drop === undefined && exclude === undefined) {
    reader.refuse('', `must be ${SHAPES.filtering}`);
  }
  if (drop !== undefined && drop !== true)
    reader.refuse('drop', 'must be true; to keep the job, disable the rule');
  if (reason !== undefined && (typeof reason !== 'string' || reason === '' || reason.length > MOST_REASON)) {
    reader.refuse('reason', `must be a text of 1 to ${MOST_REASON} characters`);
  } else if (reason !== undefined && drop === undefined) {
    reader.refuse('reason', 'goes with drop only');
  }
  if (exclude !== undefined) return { type: 'filtering', drop: false, exclude };
  return { type: 'filtering', drop: true, reason: typeof reason === 'string' ? reason : undefined };
}

function readRouting(reader: Reader): RuleAction {
  const destinations = reader.names('destinations');
  const tags = reader.names('tags');
  const fallback = reader.names('fallback');
  const mode = reader.oneOf('mode', ROUTING_MODES, 'add');
  const stop = reader.get('stop') ?? false;
  if (typeof stop !== 'boolean') reader.refuse('stop', 'must be true or false');
  const targets = destinations !== undefined || tags !== undefined;
  if (!targets && stop !== true) reader.refuse('', 'must name destinations or tags, or say "stop": true');
  if (!targets && reader.get('mode') !== undefined) {
    reader.refuse('mode', 'needs destinations or tags that it is about');
  }
  if (fallback !== undefined && (!targets || mode === 'remove')) {
    reader.refuse('fallback', 'goes with destinations or tags that are added or replace others');
  }
  return {
    type: 'routing',
    destinations: destinations ?? [],
    tags: tags ?? [],
    mode,
    stop: stop === true,
    fallback: fallback ?? [],
  };
}

function readTransformation(reader: Reader): RuleAction {
  const transform = reader.get('transform');
  const destinations = reader.names('destinations');
  const isName = typeof transform === 'string' && transform !== '' && transform.length <= MOST_CHARACTERS;
  const isInline = isJsonObject(transform) && Object.keys(transform).length > 0;
  if (!isName && !isInline)
    reader.refuse('transform', 'must be the name of a transform, or an inline transform');
  return { type: 'transformation', transform: isInline ? transform : String(transform), destinations };
}
