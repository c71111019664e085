import { type Json, type JsonObject } from '../kernel/json';
import { mapFields } from './engines/field-mapping';
import { type Reply } from './sandbox/protocol';
import { Sandbox } from './sandbox/sandbox';
import { LIMITS, type Transform } from './transform';
import { contentTypeOf, failed, stepsOf, tooLarge, type Transformed, type Work } from './work';

export interface Condition {
  id: string;
  /** JSONata that gives true or false. */
  expression: string;
  input: JsonObject;
}

export type Verdict = { id: string; result: boolean } | { id: string; error: string };

/** What the other stages call: field mappings and filters here, everything with a program of a tenant in the sandbox. */
export class Transformer {
  constructor(private readonly sandbox: Sandbox = new Sandbox()) {}

  /** `json`: the payload as text. Rejects only where the sandbox itself fails; then a later try may succeed. */
  async run(tenant: string, work: Work, json: string): Promise<Transformed> {
    const message = tooLarge(json);
    if (message !== undefined) return { ok: false, message };
    if (!needsSandbox(work.transform)) return inProcess(work, json);
    const reply = await this.sandbox.ask(tenant, { kind: 'transform', work }, json);
    return 'result' in reply ? unexpected() : reply;
  }

  /** What is wrong with a transform's program or schema; undefined = it compiles. */
  async check(tenant: string, transform: Transform): Promise<string | undefined> {
    if (!needsSandbox(transform)) return undefined;
    return messageOf(await this.sandbox.ask(tenant, { kind: 'check', transform }, '{}'));
  }

  async checkCondition(tenant: string, expression: string): Promise<string | undefined> {
    const message = tooLong(expression);
    if (message !== undefined) return message;
    return messageOf(await this.sandbox.ask(tenant, { kind: 'check_condition', expression }, '{}'));
  }

  /** Each for itself: an expression that fails, or has to be stopped, is the error of its own item. */
  evaluateConditions(items: readonly Condition[], tenant = ''): Promise<Verdict[]> {
    return Promise.all(items.map((item) => this.evaluate(item, tenant)));
  }

  stop(): Promise<void> {
    return this.sandbox.stop();
  }

  private async evaluate({ id, expression, input }: Condition, tenant: string): Promise<Verdict> {
    const json = JSON.stringify(input);
    const message = tooLong(expression) ?? tooLarge(json);
    if (message !== undefined) return { id, error: message };
    const reply = await this.sandbox.ask(tenant, { kind: 'condition', expression }, json);
    if (!reply.ok) return { id, error: reply.message };
    return 'result' in reply ? { id, result: reply.result } : unexpected();
  }
}

/** A schema may be as expensive as a program, so that a field mapping with one goes to the sandbox too. */
const needsSandbox = (transform: Transform | null): transform is Transform =>
  transform !== null && (transform.engine !== 'field_mapping' || transform.output_schema !== null);

function inProcess(work: Work, json: string): Transformed {
  try {
    const steps = stepsOf(work, JSON.parse(json) as Json);
    let step = steps.next();
    while (step.done !== true) {
      const [{ spec }, payload] = step.value;
      step = steps.next(mapFields(spec as JsonObject, payload));
    }
    return { ok: true, body: step.value, contentType: contentTypeOf(work) };
  } catch (error) {
    return failed(error);
  }
}

const tooLong = (expression: string): string | undefined =>
  expression.length <= LIMITS.expressionCharacters
    ? undefined
    : `the expression is longer than ${LIMITS.expressionCharacters} characters`;

const messageOf = (reply: Reply): string | undefined => (reply.ok ? undefined : reply.message);

function unexpected(): never {
  throw new Error('the sandbox answered another question');
}
