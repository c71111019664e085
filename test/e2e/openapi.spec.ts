import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createDatabase } from '../support/postgres';
import { TestService } from '../support/service';

const COMMITTED = join(__dirname, '..', '..', 'docs', 'openapi.json');

describe('the published contract', () => {
  it('is the committed docs/openapi.json', async () => {
    const database = await createDatabase();
    const service = await TestService.start({ databaseUrl: database.url });
    try {
      const answer = await fetch(`${service.url}/docs-json`);
      const published = `${JSON.stringify(await answer.json(), null, 2)}\n`;
      if (process.env['UPDATE_OPENAPI'] === 'true') writeFileSync(COMMITTED, published);
      // When this differs on purpose: npm run openapi, and commit the file.
      expect(published).toBe(readFileSync(COMMITTED, 'utf8'));
    } finally {
      await service.dispose();
      await database.drop();
    }
  });
});
