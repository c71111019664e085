/** A process with a sandbox that runs the given expression for ever: prints the sandbox's processes, to be killed. */
import { Sandbox, SANDBOX_DEFAULTS } from '../../src/transforms/sandbox/sandbox';
import { Transformer } from '../../src/transforms/transformer';
import { slowRows } from './slow-rows';

const [expression = ''] = process.argv.slice(2);
const sandbox = new Sandbox({ ...SANDBOX_DEFAULTS, deadlineMs: 60_000 });
const transformer = new Transformer(sandbox);

async function main(): Promise<void> {
  await transformer.evaluateConditions([{ id: 'first', expression: 'true', input: {} }]);
  void transformer.evaluateConditions([{ id: 'second', expression, input: slowRows(6000, 100) }]);
  setImmediate(() => process.stdout.write(JSON.stringify(sandbox.pids)));
}

void main();
