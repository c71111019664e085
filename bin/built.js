// Builds dist/ when it is missing or older than a source file, so that `npm start`
// and `npm run demo` work right after `npm ci` and cost nothing on the next run.
const { execFileSync } = require('node:child_process');
const { existsSync, readdirSync, statSync } = require('node:fs');
const { join } = require('node:path');

const root = join(__dirname, '..');
const sources = ['src', 'migrations', 'demo', 'bench', 'nest-cli.json', 'tsconfig.json', 'package.json'];

const newest = (path) =>
  statSync(path).isDirectory()
    ? Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))))
    : statSync(path).mtimeMs;

const marker = join(root, 'dist', 'src', 'main.js');
const changed = Math.max(...sources.map((name) => newest(join(root, name))));
if (!existsSync(marker) || statSync(marker).mtimeMs < changed) {
  execFileSync(process.execPath, [join(root, 'node_modules', '@nestjs', 'cli', 'bin', 'nest.js'), 'build'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}
