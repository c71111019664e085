import { type CallbackRow } from '../callbacks/replay';
import { type DeadLetterDetail, type DeadLetterRow } from '../replay/dead-letters';
import { type OperationRow } from '../replay/order';
import { isMoved, type ReplayedJob } from '../replay/replay';
import { attemptsView } from './views';

export const replayView = (
  distributionId: string,
  { status, deliveries }: Extract<ReplayedJob, { kind: 'replayed' }>,
) => ({
  distribution_id: distributionId,
  status,
  replayed_destinations: deliveries.filter(({ choice }) => isMoved(choice)).length,
  destinations: deliveries.map(({ name, deliveryId, choice }) => ({
    name,
    delivery_id: deliveryId,
    outcome: choice,
  })),
});

export const operationView = (operation: OperationRow) => ({
  operation_id: operation.id,
  kind: operation.kind,
  status: operation.status,
  selection: operation.selection,
  reason: operation.reason,
  rate_per_second: operation.rate_per_second,
  examined: operation.examined,
  done: operation.done,
  skipped: operation.skipped,
  created_by: operation.created_by,
  created_at: operation.created_at,
  completed_at: operation.completed_at,
});

export const deadLetterView = (letter: DeadLetterRow) => ({
  dead_letter_id: letter.id,
  distribution_id: letter.distribution_id,
  delivery_id: letter.delivery_id,
  destination_id: letter.destination_id,
  destination: letter.destination_name,
  data_type: letter.data_type,
  error_code: letter.error_code,
  error_message: letter.error_message,
  attempts: letter.attempts,
  status: letter.status,
  reason: letter.reason,
  resolved_by: letter.resolved_by,
  resolved_at: letter.resolved_at,
  died_at: letter.died_at,
  expires_at: letter.expires_at,
});

export const deadLetterDetailView = (
  { letter, attempts, logs, payload }: DeadLetterDetail,
  showsPayload: boolean,
) => ({
  ...deadLetterView(letter),
  attempts: attemptsView(letter.distribution_id, attempts, logs).attempts,
  ...(showsPayload ? { payload: payload ?? null } : {}),
});

export const callbackView = (callback: CallbackRow) => ({
  callback_id: callback.id,
  event_type: callback.event_type,
  channel: callback.channel,
  callback_url: callback.callback_url === null ? null : withoutSecrets(callback.callback_url),
  status: callback.status,
  attempts: callback.attempts,
  next_attempt_at: callback.next_attempt_at,
  response_status: callback.response_status_code,
  error_code: callback.error_code,
  error_message: callback.error_message,
  history: callback.history,
  created_at: callback.created_at,
  completed_at: callback.completed_at,
});

/** Many a callback's address carries its password as user or query. */
function withoutSecrets(address: string): string {
  const url = new URL(address);
  return `${url.origin}${url.pathname}${url.search === '' ? '' : '?…'}`;
}
