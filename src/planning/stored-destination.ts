import { type Json, type JsonObject } from '../kernel/json';

/** One element of `distribution_jobs.destinations`: planning writes it, delivery reads it. */
export interface StoredDestination {
  delivery_id: string;
  name: string;
  protocol: string;
  destination_id: string | null;
  /** Secrets sealed. */
  inline: JsonObject | null;
  transform: Json;
  filters: JsonObject | null;
  max_attempts: number | null;
}
