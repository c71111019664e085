import axios from 'axios';
import { type Readable } from 'node:stream';
import { endedBy } from '../ended-by';
import { type GuardedAgents } from '../network-connect';
import { networkFault } from '../network-faults';
import { type Health } from '../port';
import { type RestConfiguration } from './schema';

export interface HealthCheck {
  origin: string;
  /** Where deliveries go; `/` when that depends on the job. */
  path: string;
  configured: NonNullable<RestConfiguration['health_check']>;
  /** Flat list, credentials included; sent only to the origin that deliveries go to. */
  headers: readonly string[];
  agents: GuardedAgents;
  signal: AbortSignal;
}

/**
 * Opens a fresh connection and asks for headers only. Any answer below 500 is healthy: many receivers answer
 * 401, 404 or 405 to a HEAD and still take deliveries; the answer's status stands in the message.
 */
export async function checkHealth(check: HealthCheck): Promise<Health> {
  const started = performance.now();
  const latency = (): number => Math.round(performance.now() - started);
  const url = check.configured.endpoint ?? check.origin + check.path;
  try {
    const answer = await axios.request<Readable>({
      ...check.agents,
      url,
      method: check.configured.method ?? 'HEAD',
      headers: new URL(url).origin === check.origin ? fromFlat(check.headers) : {},
      signal: check.signal,
      // The body does not matter and could be endless.
      responseType: 'stream',
      validateStatus: () => true,
    });
    answer.data.on('error', () => undefined).destroy();
    const message = `The receiver answered ${answer.status}.`;
    if (answer.status < 500) return { status: 'healthy', latencyMs: latency(), message };
    return { status: 'unhealthy', latencyMs: latency(), code: 'RECEIVER_UNAVAILABLE', message };
  } catch (error) {
    const verdict = networkFault(check.signal.aborted ? endedBy(check.signal) : (error as Error));
    return { status: 'unhealthy', latencyMs: latency(), code: verdict.code, message: verdict.message };
  }
}

function fromFlat(flat: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let i = 0; i + 1 < flat.length; i += 2) headers[flat[i] ?? ''] = flat[i + 1] ?? '';
  return headers;
}
