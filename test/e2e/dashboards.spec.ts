import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { World } from '../support/world';

const DEPLOY = join(__dirname, '..', '..', 'deploy');

/** Every name in the files of deploy/ that looks like a metric of the service. */
const used = readdirSync(DEPLOY, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .flatMap((entry) => {
    const text = readFileSync(join(entry.parentPath, entry.name), 'utf8');
    return [...text.matchAll(/\b(?:zenia|nodejs|process)_[a-z0-9_]+\b(?=[[{) ]|\\")/g)].map(([name]) => name);
  });

describe('dashboards, alerts and autoscaling', () => {
  it('ask for metrics that the service has', async () => {
    // Nobody listens there: it is enough that there should be a broker and a replica.
    const world = await World.create({
      AMQP_URL: 'amqp://127.0.0.1:1',
      DATABASE_READ_URL: 'postgresql://127.0.0.1:1/nothing',
    });
    try {
      const page = await (await fetch(`${world.service.url}/metrics`)).text();
      const types = [...page.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
      const offered = new Set(
        types.flatMap(([, name, type]) =>
          type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
        ),
      );
      expect(new Set(used).size).toBeGreaterThan(8);
      expect(used.filter((name) => !offered.has(name))).toEqual([]);
    } finally {
      await world.dispose();
    }
  });
});
