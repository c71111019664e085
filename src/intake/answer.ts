import { ApiError, conflict } from '../kernel/errors';
import { type Acceptance } from './accept';
import { type Receipt } from './repeats';

/** How long a delivery that meets no trouble takes, with a margin; the estimate is a hint, not a promise. */
const TYPICAL_SECONDS = 2;

const receiptView = (receipt: Receipt) => ({
  distribution_id: receipt.distributionId,
  status: 'accepted',
  estimated_completion: new Date(
    (receipt.deliverAt ?? receipt.acceptedAt).getTime() + TYPICAL_SECONDS * 1000,
  ).toISOString(),
  destinations_count: receipt.destinationsCount,
  tracking_url: `/api/v1/distribution/${encodeURIComponent(receipt.distributionId)}/status`,
  callback_registered: receipt.callbackRegistered,
});

/** What the submitter is told, the same over HTTP and AMQP. */
export type ReceiptAnswer = ReturnType<typeof receiptView> & { idempotent_replay?: true };

/** @throws ApiError where the submission was not accepted. */
export function answerOf(acceptance: Acceptance): ReceiptAnswer {
  switch (acceptance.kind) {
    case 'accepted':
      return receiptView(acceptance.receipt);
    case 'replayed':
      return { ...receiptView(acceptance.receipt), idempotent_replay: true };
    case 'conflict':
      throw conflict(acceptance.issue.field, acceptance.issue.issue);
    case 'invalid':
      throw new ApiError('VALIDATION_ERROR', 'the submission is not valid', acceptance.issues);
  }
}
