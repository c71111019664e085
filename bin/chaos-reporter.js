// Jest reporter: at the end of a run that had fault scenarios, a table of them and a line RESULT for each figure.
// A long run is kept in bench/results/chaos.json. Nothing otherwise.
const { existsSync, mkdtempSync, readFileSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

const root = join(__dirname, '..');
const COLUMNS = [
  'fault',
  'seed',
  'submitted',
  'delivered',
  'dead',
  'pending',
  'cancelled',
  'expired',
  'repeats',
  'recovery_seconds',
  'holds',
];
const TITLES = { recovery_seconds: 'recovery s' };

module.exports = class ChaosReporter {
  onRunStart() {
    this.directory = mkdtempSync(join(tmpdir(), 'distributor-chaos-results-'));
    // Test files run in processes that inherit this, and append what they found.
    process.env.CHAOS_RESULTS = join(this.directory, 'results');
  }

  onRunComplete() {
    const path = process.env.CHAOS_RESULTS;
    const figures = existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n').map(JSON.parse) : [];
    rmSync(this.directory, { recursive: true, force: true });
    if (figures.length === 0) return;
    const lines = figures.map((figure) => `RESULT ${JSON.stringify(figure)}`);
    process.stdout.write(
      `${table(figures.filter(({ fault }) => fault !== undefined))}\n${lines.join('\n')}\n\n`,
    );
    if (process.env.CHAOS_LONG !== 'true') return;
    const { saveResults } = require('../dist/bench/report.js');
    process.stdout.write(`kept in ${saveResults(root, 'chaos', figures)}\n`);
  }
};

function table(results) {
  const rows = [
    COLUMNS.map((column) => TITLES[column] ?? column),
    ...results.map((result) =>
      COLUMNS.map((column) => (column === 'holds' ? (result.holds ? 'yes' : 'NO') : String(result[column]))),
    ),
  ];
  const widths = COLUMNS.map((_column, at) => Math.max(...rows.map((row) => row[at].length)));
  const line = (row) =>
    row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]) : cell.padStart(widths[at]))).join('  ');
  return `\nFaults: every delivery accounted for\n${rows.map(line).join('\n')}\n`;
}
