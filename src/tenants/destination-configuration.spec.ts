import { createAdapters } from '../adapters/registry';
import { NetworkGuard } from '../adapters/network-guard';
import { type Protocol } from '../adapters/port';
import { type JsonObject } from '../kernel/json';
import { overlay } from './destination-configuration';

const adapters = createAdapters({ guard: new NetworkGuard([]), version: '0.0.0-test' });
const schemaOf = (protocol: Protocol): JsonObject => adapters.get(protocol)?.configurationSchema ?? {};
const SECRET = 'registered-secret';

describe('an inline destination under a registered name', () => {
  it.each<[Protocol, string, unknown]>([
    ['REST', 'endpoint', 'https://elsewhere.example/'],
    ['REST', 'tls', { ca: 'another authority' }],
    ['AMQP', 'connection', { host: 'elsewhere.example' }],
    ['JDBC', 'connection', { url: 'jdbc:postgresql://elsewhere.example/db' }],
    ['S3', 'endpoint', 'https://elsewhere.example'],
    ['S3', 'region', 'eu-south-1'],
    ['S3', 'bucket', 'another'],
    ['S3', 'tls', { ca: 'another authority' }],
    ['SFTP', 'host', 'elsewhere.example'],
    ['SFTP', 'port', 2222],
    ['SFTP', 'host_key', 'insecure-accept-any'],
    ['SFTP', 'host_key_algorithms', ['ssh-rsa']],
    ['EMAIL', 'host', 'elsewhere.example'],
    ['EMAIL', 'port', 2525],
    ['EMAIL', 'security', 'none'],
    ['EMAIL', 'tls', { server_name: 'elsewhere.example' }],
  ])('%s: takes no secret over where it sets %s', (protocol, field, value) => {
    const registered = {
      credentials: { password: SECRET },
      auth: { token: SECRET },
      connection: { url: SECRET },
    };
    const inline = { [field]: value } as JsonObject;
    expect(overlay(registered, inline, schemaOf(protocol))).toEqual(inline);
  });

  it.each<[Protocol, string]>([
    ['REST', 'auth'],
    ['EMAIL', 'credentials'],
  ])('%s: replaces %s as a whole, a token_url inside it included', (protocol, field) => {
    const registered = {
      [field]: { token_url: 'https://a.example', client_secret: SECRET },
      timeout_seconds: 5,
    };
    const inline = { [field]: { token_url: 'https://b.example' } };
    expect(overlay(registered, inline, schemaOf(protocol))).toEqual({ ...inline, timeout_seconds: 5 });
  });
});
