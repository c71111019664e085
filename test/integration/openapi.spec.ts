import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfiguration } from '../../src/app/configuration';
import { startService } from '../../src/app/service';
import { createDatabase } from '../support/postgres';

const COMMITTED = join(__dirname, '..', '..', 'docs', 'openapi.json');

describe('the published contract', () => {
  it('is the committed docs/openapi.json', async () => {
    const database = await createDatabase();
    const service = await startService(
      readConfiguration({
        DATABASE_URL: database.url,
        DATA_DIR: join(tmpdir(), `distributor-openapi-${process.pid}`),
        API_HOST: '127.0.0.1',
        API_PORT: '0',
        LOG_LEVEL: 'silent',
      }),
    );
    try {
      const answer = await fetch(`${service.url}/docs-json`);
      const published = `${JSON.stringify(await answer.json(), null, 2)}\n`;
      if (process.env['UPDATE_OPENAPI'] === 'true') writeFileSync(COMMITTED, published);
      // When this differs on purpose: npm run openapi, and commit the file.
      expect(published).toBe(readFileSync(COMMITTED, 'utf8'));
    } finally {
      await service.stop();
      await database.drop();
    }
  });
});
