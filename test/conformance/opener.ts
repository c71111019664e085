import { type Protocol, type Sender } from '../../src/adapters/port';
import { createAdapters } from '../../src/adapters/registry';
import { type JsonObject } from '../../src/kernel/json';
import { lenientGuard } from './harness';

/** Opens destinations of one protocol for the tests of a file; each is closed after its test. */
export function openerOf(protocol: Protocol) {
  const opened: Sender[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((sender) => sender.close()));
  });
  return (configuration: JsonObject, guard = lenientGuard(), now = Date.now): Sender => {
    const adapter = createAdapters({ guard, version: '1.2.3', now }).get(protocol);
    const parsed = adapter?.parse(configuration);
    if (adapter === undefined || parsed?.ok !== true) throw new Error(JSON.stringify(parsed));
    const sender = adapter.open(parsed.value);
    opened.push(sender);
    return sender;
  };
}

/** For a delivery whose end is not what is tested. */
export const patient = (): AbortSignal => AbortSignal.timeout(20_000);
