import { createContext, useContext } from 'react';
import { type DistributorClient } from '../../client/src/client';
import { type Session } from './session';

export const SessionContext = createContext<Session | undefined>(undefined);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === undefined) throw new Error('a page outside the session');
  return session;
}

export const useClient = (): DistributorClient => useSession().client;

/** `platform:admin` includes every other scope. */
export function useMay(scope: string): boolean {
  const { scopes } = useSession().identity;
  return scopes.includes(scope) || scopes.includes('platform:admin');
}
