// Builds console/dist when it is missing or older than a source file, with the packages that its lock file names.
// With --if-possible a failure, such as no way to a package registry, is told and ends nothing.
const { execSync } = require('node:child_process');
const { existsSync, readdirSync, statSync } = require('node:fs');
const { join } = require('node:path');

const root = join(__dirname, '..');
const directory = join(root, 'console');
const sources = [
  'console/src',
  'console/index.html',
  'console/package-lock.json',
  'console/vite.config.ts',
  'client/src',
];

const newest = (path) =>
  statSync(path).isDirectory()
    ? Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))))
    : statSync(path).mtimeMs;

const isOlder = (made, than) => !existsSync(made) || statSync(made).mtimeMs < than;

function run(command) {
  execSync(command, { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] });
}

function build() {
  const installed = join(directory, 'node_modules', '.package-lock.json');
  if (isOlder(installed, newest(join(directory, 'package-lock.json')))) run('npm ci --no-audit --no-fund');
  run('npm run build');
}

if (
  isOlder(join(directory, 'dist', 'index.html'), Math.max(...sources.map((name) => newest(join(root, name)))))
) {
  process.stdout.write('building the console, once ...\n');
  try {
    build();
  } catch (error) {
    process.stderr.write(`The console could not be built: ${error.stderr || error.message}\n`);
    if (!process.argv.includes('--if-possible')) process.exit(1);
  }
}
