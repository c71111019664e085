import { z } from 'zod';
import { PRIORITIES } from '../kernel/priority';
import { moment } from '../kernel/fields';

/** Which jobs: of the list, and of a bulk replay. */
export const jobFilter = {
  data_type: z.string().max(50).optional(),
  priority: z.enum(PRIORITIES).optional(),
  destination: z.string().max(100).optional(),
  from_date: moment.optional(),
  to_date: moment.optional(),
  q: z.string().max(100).optional(),
  batch_id: z.uuid().optional(),
};

/** Which dead letters: of the list, of a redrive, of a discard. The times are those of the death. */
export const letterFilter = {
  destination: z.string().max(100).optional(),
  data_type: z.string().max(50).optional(),
  error_code: z.string().max(50).optional(),
  distribution_id: z.string().max(100).optional(),
  from_date: moment.optional(),
  to_date: moment.optional(),
};
