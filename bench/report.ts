import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';

/** One figure of one run; a ratio is against the baseline measured in the same run. */
export interface Figure {
  scenario: string;
  figure: string;
  value: number;
  unit: string;
  baseline?: string;
  baseline_value?: number;
  ratio?: number;
}

export type Report = (figure: Figure) => void;

const rounded = (value: number): number => Number(value.toPrecision(4));

/** Prints each figure as it comes and keeps all of them under bench/results/. */
export class Results {
  private readonly figures: Figure[] = [];

  readonly report: Report = (figure) => {
    const { value, ratio, ...rest } = figure;
    const line = {
      ...rest,
      value: rounded(value),
      ...(ratio === undefined ? {} : { ratio: rounded(ratio) }),
    };
    this.figures.push(line);
    console.log(`RESULT ${JSON.stringify(line)}`);
  };

  save(root: string, scenario: string): string {
    return saveResults(root, scenario, this.figures);
  }
}

/** Writes `bench/results/<scenario>.json` with machine, versions and commit, for bin/chaos-reporter.js too; gives its path. */
export function saveResults(root: string, scenario: string, figures: readonly object[]): string {
  const directory = join(root, 'bench', 'results');
  mkdirSync(directory, { recursive: true });
  const path = join(directory, `${scenario}.json`);
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memory_gb: Math.round(totalmem() / 1e9),
  };
  const document = {
    scenario,
    at: new Date().toISOString(),
    commit: commit(root),
    node: process.version,
    machine,
    figures,
  };
  writeFileSync(path, `${JSON.stringify(document, null, 2)}\n`);
  return path;
}

function commit(root: string): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}
