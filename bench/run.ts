import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { adaptersBench } from './adapters';
import { deliveryBench, type DeliveryOptions } from './delivery/scenario';
import { intakeBench } from './intake/scenario';
import { limitsBench } from './limits/scenario';
import { type Report, Results } from './report';
import { rulesBench } from './rules';
import { scalingBench } from './scaling/scenario';
import { transformsBench } from './transforms';

const SCENARIOS: Record<string, (report: Report, options: DeliveryOptions) => Promise<void>> = {
  adapters: adaptersBench,
  delivery: deliveryBench,
  intake: intakeBench,
  limits: limitsBench,
  rules: rulesBench,
  scaling: scalingBench,
  transforms: transformsBench,
};

/**
 * `npm run bench [-- scenario …]`; without a name, all of them. For the scenario `delivery`: `--only drain,latency`
 * (some parts), `--short` (smaller), `--history 500000` (attempts), `--minutes 2` (of the watch over the ready
 * table). `scaling` knows `--short` too. Only a whole run is kept.
 */
async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      only: { type: 'string', default: '' },
      short: { type: 'boolean', default: false },
      history: { type: 'string' },
      minutes: { type: 'string' },
    },
  });
  const options: DeliveryOptions = {
    only: values.only.split(',').filter((name) => name !== ''),
    short: values.short,
    history: values.history === undefined ? undefined : Number(values.history),
    minutes: values.minutes === undefined ? undefined : Number(values.minutes),
  };
  for (const name of positionals.length === 0 ? Object.keys(SCENARIOS) : positionals) {
    const scenario = SCENARIOS[name];
    if (scenario === undefined)
      throw new Error(`no scenario ${name}; there are: ${Object.keys(SCENARIOS).join(', ')}`);
    const results = new Results();
    console.log(`# ${name}`);
    await scenario(results.report, options);
    const knowsOptions = name === 'delivery' || name === 'scaling';
    const isWhole = !knowsOptions || Object.values(values).every((value) => !value);
    if (isWhole) console.log(`  kept in ${results.save(join(__dirname, '..', '..'), name)}`);
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
