import { z } from 'zod';
import { isJsonObject, type JsonObject } from './json';

/** What requests are made of, however they come in. */

export const jsonObject = z.custom<JsonObject>(isJsonObject, 'must be a JSON object');

export const moment = z.iso.datetime({
  offset: true,
  error: 'must be an RFC 3339 time, e.g. 2026-01-31T00:00:00Z',
});
