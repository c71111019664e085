import { existsSync } from 'node:fs';
import { type Running } from './parent-bound';

export interface Image {
  name: string;
  port: number;
  environment: Record<string, string>;
  /** The log line, and how often it comes until the server takes connections for good. */
  ready: [RegExp, number];
}

/**
 * Starts a server in a container where a Docker engine answers; `url` is given host and port.
 * For Jest's main process only: the modules of a test cannot load this library. It removes its containers also when
 * the run is interrupted.
 */
export async function startContainer(image: Image, url: (address: string) => string): Promise<Running> {
  if (!process.env.DOCKER_HOST && !existsSync('/var/run/docker.sock'))
    throw new Error('no Docker engine here');
  // Loaded only where it can work: it is slow to load.
  const { GenericContainer, Wait } = await import('testcontainers');
  const container = await new GenericContainer(image.name)
    .withEnvironment(image.environment)
    .withExposedPorts(image.port)
    .withWaitStrategy(Wait.forLogMessage(...image.ready))
    .withStartupTimeout(60_000)
    .start();
  return {
    url: url(`${container.getHost()}:${container.getMappedPort(image.port)}`),
    stop: async () => void (await container.stop()),
  };
}

/**
 * A refused connection to a name with several addresses has its reasons in a list and no message of its own. Asked by
 * shape: errors of Node's own modules are no instances of the Error that a test sees.
 */
export function messageOf(error: unknown): string {
  const { errors, message } = (error ?? {}) as { errors?: unknown; message?: unknown };
  if (Array.isArray(errors)) return errors.map(messageOf).join(', ');
  return typeof message === 'string' ? message : String(error);
}
