import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type Death } from '../../../src/transforms/sandbox/process';
import { Sandbox, SANDBOX_DEFAULTS } from '../../../src/transforms/sandbox/sandbox';
import { Transformer } from '../../../src/transforms/transformer';
import { type Transformed } from '../../../src/transforms/work';
import { eventually } from '../../support/eventually';
import { slowRows } from '../../support/slow-rows';
import { programOf } from './programs';

/** Past everything that the engine counts itself: the built-in function compares each row with all before it. */
const ENDLESS = '$distinct(rows)';
const SLOW = JSON.stringify(slowRows(3000, 50));
/** Doubles a text without end: `&` is lazy, its length is not. */
const doubled = (times: number): string =>
  `($f := function($s, $n) { $n = 0 ? $s : $f($s & $s, $n - 1) }; $f("xxxxxxxx", ${times}))`;

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('the sandbox', () => {
  let deaths: [Death, string][];
  let sandbox: Sandbox;
  let transformer: Transformer;

  // Tests that only run programs share a sandbox; the others ask for one that nobody has used.
  const fresh = async (): Promise<void> => {
    await (transformer as Transformer | undefined)?.stop();
    sandbox = new Sandbox({ ...SANDBOX_DEFAULTS, onDeath: (...death) => deaths.push(death) });
    transformer = new Transformer(sandbox);
  };

  beforeAll(fresh);
  beforeEach(() => (deaths = []));
  afterAll(() => transformer.stop());

  const run = (expression: string, tenant = 'acme', input = '{"a":1}'): Promise<Transformed> =>
    transformer.run(tenant, programOf('jsonata', expression), input);
  const endless = (tenant = 'acme'): Promise<Transformed> => run(ENDLESS, tenant, SLOW);
  const template = (text: string): Promise<Transformed> =>
    transformer.run('acme', programOf('liquid', text, 'text'), '{"a":1}');

  it('starts no process before there is a program to run, and none for a field mapping', async () => {
    const mapping = { ...programOf('jsonata', 'a') };
    expect(
      await transformer.run(
        'acme',
        { ...mapping, transform: { ...mapping.transform, engine: 'field_mapping', spec: { a: 'b' } } },
        '{"a":1}',
      ),
    ).toMatchObject({ body: '{"b":1}' });
    expect(sandbox.pids).toEqual([]);
    await run('a');
    expect(sandbox.pids).toHaveLength(1);
  });

  it.each([
    ['endless recursion', '($f := function($x) { $f($x + 1) + 1 }; $f(1))', /Stack overflow/],
    ['endless tail recursion', '($f := function($x) { $f($x + 1) }; $f(1))', /timeout/],
    ['a regular expression with look-ahead', '$match("a", /(?=a)a/)', /not supported/],
    ['a large $pad', '$pad("x", 100000000)', /at most 100000/],
    ['a text that doubles', doubled(28), /Invalid string length/],
    ['a large range', '[1..9999999]', /sequence length/],
    ['$eval', '$eval("1 + 1")', /\$eval is not available/],
    ['a huge result', '$join($map([1..50], function($x) { $pad("x", 99999) }))', /at most 4194304/],
    ['a result that is nothing', 'b', /selected nothing/],
  ])('ends %s as a failure of its own, without losing the process', async (_name, expression, words) => {
    const result = await run(expression);
    expect(result).toMatchObject({ ok: false, message: expect.stringMatching(words) as string });
    expect(deaths).toEqual([]);
  });

  it('takes a catastrophic regular expression in linear time', async () => {
    expect(await run(`$contains("${'a'.repeat(4000)}b", /^(a+)+$/)`)).toMatchObject({
      ok: true,
      body: 'false',
    });
  });

  it.each([
    [
      'an endless loop',
      '{% for i in (1..3000) %}{% for j in (1..3000) %}{{ j }}{% endfor %}{% endfor %}',
      /limit/,
    ],
    ['a range beyond memory', '{% for i in (1..1000000000) %}x{% endfor %}', /memory/],
    [
      'a text that doubles',
      "{% assign s = 'xxxxxxxx' %}{% for i in (1..40) %}{% assign s = s | append: s %}{% endfor %}{{ s | size }}",
      /memory/,
    ],
    ['a file', "{% include '/etc/passwd' %}", /Failed to lookup/],
    ['a file by a layout', "{% layout '/etc/passwd' %}", /Failed to lookup/],
    ['an unknown filter', '{{ a | shell }}', /undefined filter/],
  ])('ends a template with %s as a failure of its own', async (_name, text, words) => {
    expect(await template(text)).toMatchObject({
      ok: false,
      message: expect.stringMatching(words) as string,
    });
  });

  it('kills at the deadline what no counter ends, and goes on', async () => {
    expect(await endless()).toMatchObject({
      ok: false,
      message: expect.stringMatching(/250 ms/) as string,
    });
    expect(deaths).toEqual([['deadline', 'acme']]);
    expect(await run('a')).toMatchObject({ body: '1' });
  });

  it('survives a program that takes all memory, whose process dies alone', async () => {
    const before = process.memoryUsage().rss;
    for (let round = 0; round < 3; round++) {
      expect(await run(`$length(${doubled(25)})`)).toMatchObject({ ok: false });
    }
    expect(await run('a')).toMatchObject({ body: '1' });
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1_048_576);
  });

  it('answers all others of a batch whose process was killed', async () => {
    await fresh();
    const results = await Promise.all(
      Array.from({ length: 40 }, (_none, index) => (index === 7 ? endless() : run(`a + ${index}`))),
    );
    results.forEach((result, index) => {
      expect(result).toMatchObject(index === 7 ? { ok: false } : { ok: true, body: String(index + 1) });
    });
  });

  it('runs again what was lost because somebody else killed the process', async () => {
    await fresh();
    await run('a');
    const pending = run('($f := function($x) { $x = 500 ? $x : $f($x + 1) }; $f(1))');
    for (const pid of sandbox.pids) process.kill(pid, 'SIGKILL');
    expect(await pending).toMatchObject({ ok: true, body: '500' });
  });

  it('serves other tenants while one sends nothing but poison', async () => {
    await fresh();
    await endless('bad');
    const poison = Array.from({ length: 8 }, () => endless('bad'));
    const order: string[] = [];
    poison.forEach((one) => void one.then(() => order.push('bad')));
    await Promise.all(
      Array.from({ length: 50 }, (_none, index) =>
        run(`a + ${index}`, 'good').then(() => order.push('good')),
      ),
    );
    // At most the one that was running when the others came is through.
    expect(order.filter((who) => who === 'bad').length).toBeLessThanOrEqual(2);
    expect((await Promise.all(poison)).every(({ ok }) => !ok)).toBe(true);
  });

  it('leaves nothing of one tenant for the next', async () => {
    await run('($ ~> |$|{"__proto__": {"polluted": 1}}|)', 'bad', '{"a":{"b":1}}');
    await run('$eval := function($x) { "mine" }', 'bad');
    expect(await run('{"seen": $exists(polluted), "keys": $keys($)}', 'good')).toMatchObject({
      body: '{"seen":false,"keys":"a"}',
    });
  });

  it('gives the program nothing of the environment of the service', async () => {
    expect(await run('$string(process) & $string(env)')).toMatchObject({ body: '""' });
  });

  it('evaluates conditions, each for itself', async () => {
    const input = { amount: 5, name: 'x' };
    const verdicts = await transformer.evaluateConditions([
      { id: 'yes', expression: 'amount > 3', input },
      { id: 'absent', expression: 'other > 3', input },
      { id: 'text', expression: 'name', input },
      { id: 'poison', expression: `$count(${ENDLESS}) > 0`, input: slowRows(3000, 50) },
      { id: 'long', expression: `${' '.repeat(8192)}true`, input },
      { id: 'after', expression: 'amount < 3', input },
    ]);
    expect(verdicts).toEqual([
      { id: 'yes', result: true },
      { id: 'absent', result: false },
      { id: 'text', error: expect.stringMatching(/true or false/) as string },
      { id: 'poison', error: expect.stringMatching(/250 ms/) as string },
      { id: 'long', error: expect.stringMatching(/8192/) as string },
      { id: 'after', result: false },
    ]);
  });

  it('says what is wrong with a program without running it', async () => {
    expect(await transformer.checkCondition('acme', 'a =')).toMatch(/Unexpected end/);
    expect(await transformer.checkCondition('acme', 'a = 1')).toBeUndefined();
  });

  it('ends its processes when it stops, and refuses from then on', async () => {
    await fresh();
    await Promise.all([run('a'), run('a', 'other')]);
    const pids = sandbox.pids;
    const unanswered = endless().catch((error: Error) => error.message);
    await transformer.stop();
    expect(await unanswered).toMatch(/stopped/);
    expect(pids.filter(isRunning)).toEqual([]);
    await expect(run('a')).rejects.toThrow('stopped');
  });

  it('leaves no process behind when its parent is killed, not even one that computes', async () => {
    const script = join(__dirname, '..', '..', 'support', 'sandbox-parent.ts');
    const parent = spawn(process.execPath, ['-r', '@swc-node/register', script, '$distinct(rows)'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pids = JSON.parse(line.toString()) as number[];
    expect(pids.map(isRunning)).toEqual([true]);
    parent.kill('SIGKILL');
    await eventually({ until: 'the child has ended' }, () => expect(pids.filter(isRunning)).toEqual([]));
  });
});
