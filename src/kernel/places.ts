import { type TenantId } from './ids';

/** What sealed values are bound to (kernel/secret-box.ts): tenant and column. */
export const payloadPlace = (tenantId: TenantId): string => `${tenantId}/distribution_jobs.payload`;
export const destinationPlace = (tenantId: TenantId): string => `${tenantId}/destinations.configuration`;
export const signingSecretPlace = (tenantId: TenantId): string => `${tenantId}/signing_secrets.secret`;
export const erasureSubjectPlace = (tenantId: TenantId): string => `${tenantId}/erasures.subject_value`;
export const HASH_KEY_PLACE = 'platform_secrets.hash_key';
