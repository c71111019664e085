import { join } from 'node:path';
import { deliveryBench } from './delivery';
import { type Report, Results } from './report';
import { rulesBench } from './rules';
import { transformsBench } from './transforms';

const SCENARIOS: Record<string, (report: Report) => Promise<void>> = {
  delivery: deliveryBench,
  rules: rulesBench,
  transforms: transformsBench,
};

/** `npm run bench [-- scenario …]`; without a name, all of them. */
async function main(): Promise<void> {
  const wanted = process.argv.slice(2);
  const names = wanted.length === 0 ? Object.keys(SCENARIOS) : wanted;
  for (const name of names) {
    const scenario = SCENARIOS[name];
    if (scenario === undefined)
      throw new Error(`no scenario ${name}; there are: ${Object.keys(SCENARIOS).join(', ')}`);
    const results = new Results();
    console.log(`# ${name}`);
    await scenario(results.report);
    console.log(`  kept in ${results.save(join(__dirname, '..', '..'), name)}`);
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
