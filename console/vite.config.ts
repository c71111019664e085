import { readdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The service sends what was compressed here, once, instead of compressing again and again. */
const compressed: Plugin = {
  name: 'compressed',
  async closeBundle() {
    const assets = here('./dist/assets/');
    for (const name of await readdir(assets)) {
      if (/\.(js|css)$/.test(name))
        await writeFile(`${assets}${name}.gz`, gzipSync(await readFile(assets + name)));
    }
  },
};

export default defineConfig({
  base: '/console/',
  plugins: [react(), compressed],
  // The client library is written for Node.js; it needs one thing of it.
  resolve: { alias: { 'node:crypto': here('./src/random.ts') } },
  // Small files must not become data: addresses, which the content security policy refuses.
  build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  server: { proxy: { '/api': process.env.DISTRIBUTOR_URL ?? 'http://127.0.0.1:8000' } },
});
