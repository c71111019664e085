/**
 * A process of the sandbox: reads a request, answers it, reads the next. Reading and writing block, so that each
 * answer is out before the next program starts: when this process dies, the first request without an answer is the
 * one that did it. It ends with its parent, because then reading gives nothing more.
 */
import { readSync, writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { JsonataEngine } from '../engines/jsonata';
import { LiquidEngine } from '../engines/liquid';
import { mapFields } from '../engines/field-mapping';
import { reasonOf } from '../failure';
import { type Json, type JsonObject } from '../../kernel/json';
import { OutputSchemas } from '../output-schema';
import { type Transform } from '../transform';
import { contentTypeOf, stepsOf, valueOfText, type Work } from '../work';
import { READY, type Reply, type RequestLine } from './protocol';

const [timeout = '200'] = process.argv.slice(2);
const jsonata = new JsonataEngine(Number(timeout));
const liquid = new LiquidEngine(Number(timeout));
const schemas = new OutputSchemas();

async function run(transform: Transform, payload: JsonObject): Promise<Json> {
  const { engine, spec } = transform;
  if (engine === 'jsonata') return jsonata.run(spec as string, payload);
  if (engine === 'liquid') return valueOfText(liquid.run(spec as string, payload), transform);
  return mapFields(spec as JsonObject, payload);
}

async function transformed(work: Work, input: JsonObject): Promise<Reply> {
  const steps = stepsOf(work, input);
  const first = steps.next();
  if (first.done === true) return { ok: true, body: first.value, contentType: contentTypeOf(work) };
  const [transform, payload] = first.value;
  // Engines mark their lists with hidden properties; a round trip leaves plain values, as they will be sent.
  const value = plain(await run(transform, payload));
  if (transform.output_schema !== null) schemas.check(transform.output_schema, value);
  return { ok: true, body: steps.next(value).value as string, contentType: contentTypeOf(work) };
}

const plain = (value: Json): Json => JSON.parse(JSON.stringify(value)) as Json;

function check({ engine, spec, output_schema }: Transform): Reply {
  if (engine === 'jsonata') jsonata.compile(spec as string);
  if (engine === 'liquid') liquid.compile(spec as string);
  if (output_schema !== null) schemas.compile(output_schema);
  return { ok: true, result: true };
}

async function answer(request: RequestLine): Promise<Reply> {
  switch (request.kind) {
    case 'transform':
      return transformed(request.work, request.input);
    case 'condition':
      return { ok: true, result: await jsonata.test(request.expression, request.input) };
    case 'check':
      return check(request.transform);
    case 'check_condition':
      jsonata.compile(request.expression);
      return { ok: true, result: true };
  }
}

async function answerOrReason(line: string): Promise<Reply> {
  try {
    return await answer(JSON.parse(line) as RequestLine);
  } catch (error) {
    return { ok: false, message: reasonOf(error) };
  }
}

function write(text: string): void {
  const bytes = Buffer.from(`${text}\n`);
  for (let written = 0; written < bytes.length;) written += writeSync(1, bytes, written);
}

/** Some built-in functions look at no clock: should the parent die while one runs, this thread notices. */
function endWithParent(): void {
  // The parent of now: when the thread has started it may be another one.
  const watch = `setInterval(() => process.ppid === ${process.ppid} || process.kill(process.pid, 'SIGKILL'), 500);`;
  new Worker(watch, { eval: true, execArgv: [], resourceLimits: { maxOldGenerationSizeMb: 8 } }).unref();
}

async function main(): Promise<void> {
  endWithParent();
  // One tenant's program must not leave anything behind for the next one's.
  for (const shared of [Object, Array, Function, String, Number, Promise, RegExp, Map, Set]) {
    Object.seal(shared.prototype as object);
  }
  write(READY);
  const chunk = Buffer.alloc(65_536);
  let pending: Buffer[] = [];
  for (;;) {
    const read = readSync(0, chunk);
    if (read === 0) process.exit(0);
    let rest = Buffer.from(chunk.subarray(0, read));
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      const line = Buffer.concat([...pending, rest.subarray(0, end)]).toString();
      pending = [];
      rest = rest.subarray(end + 1);
      write(JSON.stringify(await answerOrReason(line)));
    }
    if (rest.length > 0) pending.push(rest);
  }
}

main().catch(() => process.exit(1));
