import { z } from 'zod';
import { RECORD_TYPES } from '../data-protection/export.sql';
import { time, uuid } from './answers-distribution';

const count = z.int().min(0);

const Erasure = z.object({
  erasure_id: uuid,
  tenant_id: z.string(),
  subject_path: z.string().nullable().describe('Null: the whole tenant.'),
  subject_hash: z
    .string()
    .nullable()
    .describe('Keyed, in hex: the same for the same subject. The value itself is not kept.'),
  dry_run: z.boolean(),
  status: z.enum(['running', 'completed']),
  examined: count.describe('Jobs looked at.'),
  unreadable: count.describe('Jobs that could not be searched.'),
  waiting: count.describe('Jobs of which something is being sent at this moment.'),
  counts: z.record(z.string(), count).describe('Rows by table: erased, or to be erased by a dry run.'),
  created_by: z.string(),
  created_at: time,
  completed_at: time.nullable(),
});

const ExportLine = z
  .looseObject({ type: z.enum(['export', ...RECORD_TYPES, 'end']) })
  .describe('One line. Without a last one of type `end` the export is not whole.');

export const ANSWERS = { Erasure, ErasureList: z.object({ erasures: z.array(Erasure) }), ExportLine };
