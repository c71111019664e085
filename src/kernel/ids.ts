import { uuidv7 } from 'uuidv7';

declare const brand: unique symbol;
type Branded<Base, Name extends string> = Base & { readonly [brand]: Name };

/** The business name of a tenant, e.g. `comune-roma`; 1–50 characters of `[a-zA-Z0-9_-]`. */
export type TenantId = Branded<string, 'TenantId'>;
/** A job's own key: a UUIDv7 whose time decides the month's partition. */
export type JobId = Branded<string, 'JobId'>;
/** The submitter's name of a job, unique in its tenant; at most 100 characters. */
export type DistributionId = Branded<string, 'DistributionId'>;
/** One destination of one job; the same for all its attempts, so that a receiver can recognise a repeat. */
export type DeliveryId = Branded<string, 'DeliveryId'>;
export type AttemptId = Branded<string, 'AttemptId'>;
export type BatchId = Branded<string, 'BatchId'>;
export type CallbackId = Branded<string, 'CallbackId'>;
export type DestinationId = Branded<string, 'DestinationId'>;
export type ApiKeyId = Branded<string, 'ApiKeyId'>;
export type RuleId = Branded<string, 'RuleId'>;
export type UserId = Branded<string, 'UserId'>;
export type NodeId = Branded<string, 'NodeId'>;
export type DeadLetterId = Branded<string, 'DeadLetterId'>;
export type BulkOperationId = Branded<string, 'BulkOperationId'>;
export type ErasureId = Branded<string, 'ErasureId'>;

type UuidId =
  | JobId
  | DeliveryId
  | AttemptId
  | BatchId
  | CallbackId
  | DestinationId
  | ApiKeyId
  | RuleId
  | UserId
  | NodeId
  | DeadLetterId
  | BulkOperationId
  | ErasureId;

/** A new id that sorts by time (UUIDv7, RFC 9562). */
export const newId = <Id extends UuidId>(): Id => uuidv7() as Id;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export const isUuid = (value: string): boolean => UUID.test(value);

const TENANT = /^[a-zA-Z0-9_-]{1,50}$/;

export const isTenantId = (value: string): value is TenantId => TENANT.test(value);

const SANE_ID = /^[A-Za-z0-9._:@/+=-]{1,100}$/;

/** A caller's own id of a request when it is short and printable. */
export const saneRequestId = (value: unknown): string | undefined =>
  typeof value === 'string' && SANE_ID.test(value) ? value : undefined;
