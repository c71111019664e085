// node verdict.js failed <dir>          the test files that failed, a line each
// node verdict.js count <code> <dir>    "N passed, N failed", of the second try for files that had one
const { existsSync, readFileSync } = require('node:fs');
const { join } = require('node:path');

const filesOf = (dir, run) => {
  const path = join(dir, `${run}.json`);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).testResults : [];
};

const isFailed = ({ status }) => status === 'failed';

function count(code, dir) {
  const last = new Map(
    [...filesOf(dir, 'first'), ...filesOf(dir, 'second')].map((file) => [file.name, file]),
  );
  const files = [...last.values()];
  const tests = files.flatMap(({ assertionResults }) => assertionResults.map(({ status }) => status));
  const passed = tests.filter((status) => status === 'passed').length;
  // A file that could not be run is one failure, and so is a step before the tests.
  const unrun = files.filter((file) => isFailed(file) && file.assertionResults.length === 0).length;
  const failed = tests.filter((status) => status === 'failed').length + unrun;
  console.log(`${passed} passed, ${code !== 0 && failed === 0 ? 1 : failed} failed`);
}

const [what, ...given] = process.argv.slice(2);
if (what === 'count') count(Number(given[0]), given[1]);
else for (const { name } of filesOf(given[0], 'first').filter(isFailed)) console.log(name);
