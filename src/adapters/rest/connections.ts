import { Client, Pool } from 'undici';
import {
  type Dial,
  dialledConnector,
  type GuardedAgents,
  guardedAgents,
  guardedConnector,
  type TlsOptions,
  trustOnly,
} from '../network-connect';
import { type NetworkGuard } from '../network-guard';
import { tunnelledSocket } from '../network-proxy';
import { connectTimeoutMs, plain } from '../schema-parts';
import { plainTls } from '../tls-configuration';
import { type RestConfiguration } from './schema';

const DEFAULT_CONNECTIONS = 64;

/** Every way out of one REST destination: behind the guard, and through its proxy where it has one. */
export class Connections {
  /** To the endpoint; kept and shared by all deliveries. */
  readonly pool: Pool;
  private readonly tls: TlsOptions;
  private readonly timeoutMs: number;
  private readonly dial: Dial | undefined;

  constructor(
    origin: string,
    configuration: RestConfiguration,
    private readonly guard: NetworkGuard,
  ) {
    this.tls = plainTls(configuration.tls);
    this.timeoutMs = connectTimeoutMs(configuration);
    this.dial = proxyDial(configuration, guard, trustOnly(this.tls), this.timeoutMs);
    this.pool = new Pool(origin, {
      ...this.options(this.tls),
      connections: configuration.max_in_flight ?? DEFAULT_CONNECTIONS,
    });
  }

  /** One connection to where a redirect leads, for one request; the caller destroys it. */
  elsewhere(origin: string): Client {
    return new Client(origin, this.options(trustOnly(this.tls)));
  }

  /** For axios, to the endpoint's own host. */
  agents(): GuardedAgents {
    return guardedAgents(this.guard, this.tls, this.timeoutMs, this.dial);
  }

  /** For axios, to other hosts: the endpoint's name and client certificate are not theirs to see. */
  agentsElsewhere(): GuardedAgents {
    return guardedAgents(this.guard, trustOnly(this.tls), this.timeoutMs, this.dial);
  }

  private options(tls: TlsOptions): Client.Options & { pipelining: number } {
    return {
      pipelining: 1,
      connect:
        this.dial === undefined
          ? guardedConnector(this.guard, tls, this.timeoutMs)
          : dialledConnector(this.dial, tls, this.timeoutMs),
      // The caller's signal ends an attempt; undici's own limits would be a second truth.
      headersTimeout: 0,
      bodyTimeout: 0,
    };
  }
}

function proxyDial(
  { proxy, proxy_credentials }: RestConfiguration,
  guard: NetworkGuard,
  tls: TlsOptions,
  timeoutMs: number,
): Dial | undefined {
  if (proxy === undefined) return undefined;
  const options = {
    url: proxy,
    tls,
    ...(proxy_credentials === undefined
      ? {}
      : { username: proxy_credentials.username, password: plain(proxy_credentials.password) }),
  };
  return (target) => tunnelledSocket(guard, options, target, timeoutMs);
}
