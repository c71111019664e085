import { z } from 'zod';

export const moment = z.iso.datetime({
  offset: true,
  error: 'must be an RFC 3339 time, e.g. 2026-01-31T00:00:00Z',
});
