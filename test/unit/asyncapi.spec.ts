import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';
import { OUTCOME_EVENTS } from '../../src/callbacks/told.sql';
import { DEAD, EXCHANGE_EVENTS, EXCHANGE_IN, QUEUE_SUBMIT } from '../../src/messaging/topology';

type Tree = { [name: string]: Tree } & { $ref?: string };
interface Message {
  payload: object;
  headers?: object;
  examples?: { name: string; payload?: unknown; headers?: unknown }[];
}

const docs = (name: string): string => readFileSync(join(__dirname, '..', '..', 'docs', name), 'utf8');
const asyncapi = parse(docs('asyncapi.yaml')) as Tree;
const openapi = JSON.parse(docs('openapi.json')) as Tree;

const ajv = new Ajv({ strict: false, allErrors: true });
addFormats(ajv);
ajv.addSchema({ ...openapi, $id: 'docs/openapi.json' });
ajv.addSchema({ ...asyncapi, $id: 'docs/asyncapi.yaml' });

const messages = Object.keys(asyncapi['components']?.['messages'] ?? {});
const message = (name: string): Message => asyncapi['components']?.['messages']?.[name] as unknown as Message;

function refsIn(tree: unknown): string[] {
  if (typeof tree !== 'object' || tree === null) return [];
  return Object.entries(tree).flatMap(([name, value]: [string, unknown]) =>
    name === '$ref' && typeof value === 'string' ? [value] : refsIn(value),
  );
}

function lookedUp(ref: string): unknown {
  const [file = '', path = ''] = ref.split('#');
  const root: Tree | undefined = file === '' ? asyncapi : file === './openapi.json' ? openapi : undefined;
  const parts = path.split('/').slice(1);
  return parts.reduce<Tree | undefined>(
    (tree, part) => tree?.[part.replaceAll('~1', '/').replaceAll('~0', '~')],
    root,
  );
}

describe('docs/asyncapi.yaml', () => {
  it('is AsyncAPI 3.0 whose references all lead somewhere', () => {
    expect(asyncapi['asyncapi']).toBe('3.0.0');
    const refs = refsIn(asyncapi);
    expect(refs.length).toBeGreaterThan(10);
    expect(refs.filter((ref) => lookedUp(ref) === undefined)).toEqual([]);
  });

  it('names what the service declares', () => {
    const { submissions, submitQueue, dead, events } = asyncapi['channels'] ?? {};
    expect(submissions).toMatchObject({
      bindings: { amqp: { exchange: { name: EXCHANGE_IN, type: 'topic' } } },
    });
    expect(submitQueue).toMatchObject({
      address: QUEUE_SUBMIT,
      bindings: { amqp: { queue: { name: QUEUE_SUBMIT } } },
    });
    expect(events).toMatchObject({
      parameters: { event_type: { enum: OUTCOME_EVENTS } },
      bindings: { amqp: { exchange: { name: EXCHANGE_EVENTS, type: 'topic' } } },
    });
    expect(dead).toMatchObject({ address: DEAD, bindings: { amqp: { queue: { name: DEAD } } } });
  });

  it.each(messages)('has examples of %s that its schemas allow, which refuse something else', (name) => {
    const { examples = [], payload } = message(name);
    const ofPayload = ajv.compile({ $ref: `docs/asyncapi.yaml#/components/messages/${name}/payload` });
    for (const example of examples) {
      expect({ example: example.name, valid: ofPayload(example.payload), errors: ofPayload.errors }).toEqual({
        example: example.name,
        valid: true,
        errors: null,
      });
    }
    // What lies in the dead queue may be anything.
    expect(ofPayload({ 'no field of ours': 1 })).toBe(Object.keys(payload).length === 0);
    if (message(name).headers === undefined) return;
    const ofHeaders = ajv.compile({ $ref: `docs/asyncapi.yaml#/components/messages/${name}/headers` });
    for (const { headers } of examples) if (headers !== undefined) expect(ofHeaders(headers)).toBe(true);
    expect(ofHeaders('no headers')).toBe(false);
  });
});
