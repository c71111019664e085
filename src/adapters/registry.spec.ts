import { NetworkGuard } from './network-guard';
import { type Adapter, type Protocol } from './port';
import { createAdapters } from './registry';

const adapters = createAdapters({ guard: new NetworkGuard([]), version: '1' });

describe('the registry', () => {
  it.each([...adapters])(
    'has %s under its own name, with a schema that explains every field',
    (protocol: Protocol, adapter: Adapter) => {
      expect(adapter.protocol).toBe(protocol);
      const properties = Object.entries(adapter.configurationSchema['properties'] ?? {});
      expect(properties.length).toBeGreaterThan(0);
      for (const [name, property] of properties)
        expect([name, property]).toEqual([
          name,
          expect.objectContaining({ description: expect.any(String) as string }),
        ]);
    },
  );

  it('opens what a callback needs without more than an endpoint', async () => {
    const sender = adapters
      .get('REST')
      ?.open({ endpoint: 'https://example.com/', method: 'POST', headers: { 'x-a': 'b' } });
    expect(sender).toBeDefined();
    await sender?.close();
  });

  it('does not open what parse would refuse', () => {
    const open = (configuration: object) => () => adapters.get('REST')?.open(configuration);
    expect(open({ endpoint: 'http://10.0.0.1/' })).toThrow('must not point to');
    expect(open({ endpoint: 'https://example.com/', headers: { 'x-tenant-id': 'other' } })).toThrow(
      'cannot be configured',
    );
    expect(open({ endpoint: 'https://example.com/', auth: { type: 'bearer', token: { env: 'A' } } })).toThrow(
      'was not resolved',
    );
  });
});
