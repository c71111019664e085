// Jest reporter: at the end of a run that had attacks on the service, what was tried and what came of it, as a table and
// as a line RESULT for each figure. Nothing otherwise.
const { existsSync, mkdtempSync, readFileSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

module.exports = class SecurityReporter {
  onRunStart() {
    this.directory = mkdtempSync(join(tmpdir(), 'distributor-security-'));
    // Test files run in processes that inherit this, and append what they counted.
    process.env.SECURITY_FIGURES = join(this.directory, 'figures');
  }

  onRunComplete() {
    const path = process.env.SECURITY_FIGURES;
    const lines = existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
    rmSync(this.directory, { recursive: true, force: true });
    if (lines.length === 0) return;
    const sums = new Map();
    for (const { figure, value } of lines.map((line) => JSON.parse(line)))
      sums.set(figure, (sums.get(figure) ?? 0) + value);
    const figures = [...sums].sort(([one], [other]) => one.localeCompare(other));
    const width = Math.max(...figures.map(([figure]) => figure.length));
    const table = figures.map(
      ([figure, value]) => `  ${figure.replaceAll('_', ' ').padEnd(width)}  ${String(value).padStart(7)}`,
    );
    const results = figures.map(
      ([figure, value]) => `RESULT ${JSON.stringify({ scenario: 'security', figure, value })}`,
    );
    process.stdout.write(
      `\nAttacks: what was tried, and what came of it\n${table.join('\n')}\n\n${results.join('\n')}\n\n`,
    );
  }
};
