import { type Provider } from '@nestjs/common';
import { Erasures } from '../data-protection/erasures';
import { Exports } from '../data-protection/exports';
import { WakeUps } from '../database/wake-ups';
import { DeliveryWorker } from '../delivery/worker';
import { type Logger } from '../observability/logger';
import { Admission } from './admission';
import { made } from './made';
import { Outward } from './outward';
import { wakeBoth } from './wake';

export const dataProtectionProviders = (log: Logger): Provider[] => [
  made(
    Erasures,
    [Outward, Admission, WakeUps, DeliveryWorker],
    ({ tenants, box }, admission, wakeUps, worker) =>
      new Erasures({
        tenants,
        box,
        wake: wakeBoth(wakeUps, worker),
        onClose: (tenantId) => admission.forget(tenantId),
      }),
  ),
  made(
    Exports,
    [Outward],
    ({ tenants, box }) =>
      new Exports({
        tenants,
        box,
        onFault: (error, tenantId) => log.error({ err: error, tenant_id: tenantId }, 'export failed'),
      }),
  ),
];
