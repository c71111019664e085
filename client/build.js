// Both forms of the package, by the compiler of the repository: dist/esm for import, dist/cjs for require.
const { execFileSync } = require('node:child_process');
const { mkdirSync, rmSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');

const compiler = require.resolve('typescript/bin/tsc');
const dist = join(__dirname, 'dist');
rmSync(dist, { recursive: true, force: true });
for (const [folder, module, type] of [
  ['esm', 'es2022', 'module'],
  ['cjs', 'commonjs', 'commonjs'],
]) {
  const options = ['-p', __dirname, '--outDir', join(dist, folder), '--module', module];
  execFileSync(process.execPath, [compiler, ...options], { stdio: 'inherit' });
  mkdirSync(join(dist, folder), { recursive: true });
  writeFileSync(join(dist, folder, 'package.json'), `${JSON.stringify({ type })}\n`);
}
