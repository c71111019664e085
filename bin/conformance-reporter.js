// Jest reporter: at the end of a run that had the conformance suite, a table of its cases by adapter. Nothing otherwise.
const GROUP =
  /^(\w+): (the way of a delivery|what goes wrong|what must not be possible|configuration, health, end)$/;
const MARKS = { passed: 'yes', failed: 'FAILED', pending: 'skipped', todo: 'todo' };

/** Cases that differ in a value alone are one row. */
const caseOf = (title) =>
  title
    .replace(/^to configure .* as host$/, 'to configure an address inside as host')
    .replace(/^refuses .* as a configuration$/, 'refuses what is no object as a configuration');

/** The adapter, with its server where an adapter is tried against several. */
function columnOf({ ancestorTitles }) {
  const [, protocol] = GROUP.exec(ancestorTitles.at(-1) ?? '') ?? [];
  if (protocol === undefined) return undefined;
  const server = / into (?:a )?(\w+)/.exec(ancestorTitles[0])?.[1];
  return server === undefined ? protocol : `${protocol} ${server}`;
}

const worse = (one, other) => (one === undefined || one === 'yes' ? other : one);

module.exports = class ConformanceReporter {
  onRunComplete(_contexts, { testResults }) {
    const columns = new Set();
    const rows = new Map();
    for (const result of testResults.flatMap((file) => file.testResults)) {
      const column = columnOf(result);
      // A run of one file or of one name leaves the others out as "pending".
      if (column === undefined || result.status === 'pending') continue;
      columns.add(column);
      const group = result.ancestorTitles.at(-1).replace(/^\w+: /, '');
      const name = `${group}\n${caseOf(result.title)}`;
      const row = rows.get(name) ?? new Map();
      row.set(column, worse(row.get(column), MARKS[result.status] ?? result.status));
      rows.set(name, row);
    }
    if (rows.size > 0) process.stdout.write(table([...columns].sort(), rows));
  }
};

function table(columns, rows) {
  const names = [...rows.keys()].map((key) => key.split('\n')[1].slice(0, 84));
  const width = Math.max(...names.map((name) => name.length)) + 4;
  const line = (first, cells) =>
    `${first.padEnd(width)}${cells.map((cell, at) => cell.padEnd(columns[at].length + 2)).join('')}`.trimEnd();
  const lines = [
    '',
    'Conformance: every adapter by every case (-: the protocol has no such thing)',
    line('', columns),
  ];
  let group;
  for (const [key, row] of rows) {
    const [of, name] = key.split('\n');
    if (of !== group) lines.push((group = of));
    lines.push(
      line(
        `  ${name.slice(0, 84)}`,
        columns.map((column) => row.get(column) ?? '-'),
      ),
    );
  }
  return `${lines.join('\n')}\n\n`;
}
