import { type JsonObject } from '../src/kernel/json';
import { Sandbox, SANDBOX_DEFAULTS } from '../src/transforms/sandbox/sandbox';
import { type Engine, type OutputFormat } from '../src/transforms/transform';
import { Transformer } from '../src/transforms/transformer';
import { type Work } from '../src/transforms/work';
import { type Report } from './report';

const SECONDS = 2;
const SIDE_BY_SIDE = 256;
const QUIET_MS = 4000;

/** About 1 KB, with a list to work on. */
const PAYLOAD = JSON.stringify({
  report_id: 'RPT-2026-000123',
  title: 'Monthly report on administrative acts',
  data: Object.fromEntries(Array.from({ length: 12 }, (_none, index) => [`metric_${index}`, index * 1234.5])),
  items: Array.from({ length: 8 }, (_none, index) => ({
    name: `item ${index}`,
    price: index * 1.5,
    tags: ['a', 'b'],
  })),
});

const workOf = (engine: Engine, spec: string | JsonObject, output_format: OutputFormat = 'json'): Work => ({
  transform: { engine, spec, input_format: 'json', output_format, output_schema: null, filters: null },
  filters: null,
  dataTypeSchema: null,
});

const EXPRESSION = '{"id": report_id, "total": $sum(items.price), "names": items[price > 3].name}';
const WORKS: Record<string, Work> = {
  field_mapping: workOf('field_mapping', { report_id: 'id', 'data.metric_3': 'values.third', items: 'rows' }),
  filters: {
    transform: null,
    filters: { include_metrics: ['metric_1', 'metric_2'], exclude_sensitive_data: false },
    dataTypeSchema: null,
  },
  field_mapping_xml: workOf('field_mapping', { report_id: 'report.id', items: 'report.item' }, 'xml'),
  jsonata: workOf('jsonata', EXPRESSION),
  jsonata_csv: workOf('jsonata', 'items.{"name": name, "price": price}', 'csv'),
  liquid: workOf('liquid', '{{ report_id }}: {% for item in items %}{{ item.name }} {% endfor %}', 'text'),
};

/** Transforms a second by engine, as ratios to what every one of them has to do: parse and stringify the payload. */
export async function transformsBench(report: Report): Promise<void> {
  const baseline = await rate(async () => void JSON.stringify(JSON.parse(PAYLOAD)));
  report({ scenario: 'transforms', figure: 'json_round_trip', value: baseline, unit: '/s' });
  const transformer = new Transformer(new Sandbox());
  try {
    for (const [figure, work] of Object.entries(WORKS)) {
      const value = await rate(async () => {
        const done = await transformer.run('bench', work, PAYLOAD);
        if (!done.ok) throw new Error(`${figure}: ${done.message}`);
      });
      const ratio = value / baseline;
      report({
        scenario: 'transforms',
        figure,
        value,
        unit: '/s',
        baseline: 'json_round_trip',
        baseline_value: baseline,
        ratio,
      });
    }
    await conditions(report, transformer);
  } finally {
    await transformer.stop();
  }
  await besidePoison(report);
}

async function conditions(report: Report, transformer: Transformer): Promise<void> {
  const input = JSON.parse(PAYLOAD) as JsonObject;
  const value = await rate(async () => {
    await transformer.evaluateConditions([{ id: 'x', expression: '$sum(items.price) > 10', input }], 'bench');
  });
  report({ scenario: 'transforms', figure: 'conditions', value, unit: '/s' });
}

/** Another tenant's latency with and without poison in the same sandbox, at 200 transforms a second. */
async function besidePoison(report: Report): Promise<void> {
  const deaths: string[] = [];
  const transformer = new Transformer(
    new Sandbox({ ...SANDBOX_DEFAULTS, onDeath: (death) => deaths.push(death) }),
  );
  try {
    await latencies(transformer, 500);
    const quiet = quantile(await latencies(transformer, QUIET_MS), 0.99);
    report({ scenario: 'transforms', figure: 'p99_ms_quiet', value: quiet, unit: 'ms' });
    const rss = process.memoryUsage.rss();
    let poisoning = true;
    let poisoned = 0;
    const poison = workOf('jsonata', '($f := function($x) { $f($x + 1) }; $f(1))');
    const bomb = workOf(
      'jsonata',
      '($f := function($s, $n) { $n = 0 ? $s : $f($s & $s, $n - 1) }; $length($f("xxxxxxxx", 25)))',
    );
    const poisoner = async (): Promise<void> => {
      while (poisoning) {
        await transformer.run('bad', poisoned++ % 2 === 0 ? poison : bomb, PAYLOAD);
      }
    };
    const loops = [poisoner(), poisoner(), poisoner()];
    await latencies(transformer, 1000);
    const beside = quantile(await latencies(transformer, QUIET_MS), 0.99);
    poisoning = false;
    await Promise.all(loops);
    const [baseline, baseline_value] = ['p99_ms_quiet', quiet];
    report({
      scenario: 'transforms',
      figure: 'p99_ms_beside_poison',
      value: beside,
      unit: 'ms',
      baseline,
      baseline_value,
      ratio: beside / quiet,
    });
    report({ scenario: 'transforms', figure: 'poison_p99_ratio', value: beside / quiet, unit: 'ratio' });
    report({ scenario: 'transforms', figure: 'poisoned_runs', value: poisoned, unit: '' });
    report({ scenario: 'transforms', figure: 'processes_replaced', value: deaths.length, unit: '' });
    report({
      scenario: 'transforms',
      figure: 'rss_growth_mb',
      value: (process.memoryUsage.rss() - rss) / 1_048_576,
      unit: 'MB',
    });
  } finally {
    await transformer.stop();
  }
}

async function latencies(transformer: Transformer, ms: number): Promise<number[]> {
  const work = workOf('jsonata', EXPRESSION);
  const taken: Promise<number>[] = [];
  const until = performance.now() + ms;
  while (performance.now() < until) {
    const started = performance.now();
    taken.push(transformer.run('good', work, PAYLOAD).then(() => performance.now() - started));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return Promise.all(taken);
}

const quantile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;

/** Runs `work` in many loops for a while; how often a second it ended. */
async function rate(work: () => Promise<void>): Promise<number> {
  await work();
  const started = performance.now();
  const until = started + SECONDS * 1000;
  let done = 0;
  const loop = async (): Promise<void> => {
    while (performance.now() < until) {
      await work();
      done++;
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, loop));
  return done / ((performance.now() - started) / 1000);
}
