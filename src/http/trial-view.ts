import { type Delivery, type DeliveryErrorCode, type Outcome } from '../adapters/port';
import { type TrialOutcome } from '../delivery/trial';
import { ApiError } from '../kernel/errors';

interface Tried {
  name: string;
  protocol: string;
}

/** The destination did not come to answer; anything else is an answer, and a test tells it. */
const NOT_REACHED: readonly DeliveryErrorCode[] = [
  'CONNECTION_FAILED',
  'NAME_RESOLUTION_FAILED',
  'NETWORK_FORBIDDEN',
  'TLS_FAILED',
  'TIMEOUT',
  'ABORTED',
];

/** The answer to a test; 502 where the destination could not be reached, 422 where nothing could be made to send. */
export function trialView({ name, protocol }: Tried, tried: TrialOutcome) {
  switch (tried.kind) {
    case 'untransformed':
      throw new ApiError('TRANSFORMATION_FAILED', tried.message);
    case 'checked': {
      const { health } = tried;
      const code = health.status === 'unhealthy' ? health.code : null;
      assertReached(code, health.message);
      const { status: outcome, latencyMs: latency_ms, message } = health;
      return { name, protocol, sent: false, outcome, latency_ms, error_code: code, message };
    }
    case 'sent': {
      const { outcome, delivery, latencyMs: latency_ms } = tried;
      const [code, message] =
        outcome.kind === 'delivered' ? [null, 'The sample was delivered.'] : [outcome.code, outcome.message];
      assertReached(code, message);
      const told = { outcome: outcome.kind, latency_ms, error_code: code, message };
      return { name, protocol, sent: true, ...told, ...digestOf(delivery, outcome) };
    }
  }
}

function assertReached(code: DeliveryErrorCode | null, message: string): void {
  if (code === null || !NOT_REACHED.includes(code)) return;
  const issue = `${code}: ${message}`;
  throw new ApiError('DESTINATION_UNAVAILABLE', `the destination could not be reached: ${message}`, [
    { field: 'destination', issue },
  ]);
}

/** As much of a body as is kept of an answer. */
const SHOWN_BYTES = 8192;

/** Headers are not among it: they carry credentials and signatures. The adapter has hidden secrets in the answer. */
const digestOf = ({ deliveryId, contentType, body }: Delivery, { bytesSent, response, log }: Outcome) => ({
  request: {
    delivery_id: deliveryId,
    content_type: contentType,
    bytes_sent: bytesSent,
    body: body.subarray(0, SHOWN_BYTES).toString('utf8'),
    truncated: body.length > SHOWN_BYTES,
  },
  response: { status: response?.statusCode ?? null, body: response?.body ?? null },
  log,
});
