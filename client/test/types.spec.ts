import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type OpenApi, typesOf } from '../generate';

const TYPES = join(__dirname, '..', 'src', 'types.ts');

describe('client/src/types.ts', () => {
  it('is what docs/openapi.json says', () => {
    const contract = readFileSync(join(__dirname, '..', '..', 'docs', 'openapi.json'), 'utf8');
    const types = typesOf(JSON.parse(contract) as OpenApi);
    if (process.env['UPDATE_OPENAPI'] === 'true') writeFileSync(TYPES, types);
    // When this differs on purpose: npm run openapi, and commit the file.
    expect(types).toBe(readFileSync(TYPES, 'utf8'));
  });
});
