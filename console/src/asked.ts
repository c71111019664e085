import { useQuery, type UseQueryResult } from '@tanstack/react-query';
import { ApiError } from '../../client/src/errors';
import { type DistributorClient } from '../../client/src/client';
import { useClient } from './session-context';

/** What the service answers, kept under `key`; asked again `every` so many milliseconds while the page is seen. */
export function useAsked<Answer>(
  key: readonly unknown[],
  ask: (client: DistributorClient, signal: AbortSignal) => Promise<Answer>,
  every: number | false = false,
): UseQueryResult<Answer> {
  const client = useClient();
  return useQuery({
    queryKey: key,
    queryFn: ({ signal }) => ask(client, signal),
    refetchInterval: ({ state }) => (refused(state.error) ? false : every),
  });
}

/** Asking again would change nothing. */
export const refused = (error: unknown): boolean => error instanceof ApiError && error.status < 500;
