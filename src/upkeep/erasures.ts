import { type Erasures } from '../data-protection/erasures';
import { type ErasureId } from '../kernel/ids';
import { type Duty } from './duty';
import { stepwise } from './stepwise';

const RUNNING = {
  name: 'running_erasures',
  text: `SELECT id, tenant_id FROM erasures WHERE status = 'running' ORDER BY id LIMIT 1000`,
};

export const erasures = (work: Erasures, onFault: (error: unknown, erasure: ErasureId) => void): Duty =>
  stepwise('erasures', RUNNING, work, onFault);
