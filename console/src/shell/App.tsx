import { Box, Center, Loader } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense } from 'react';
import { Route, Router, Switch } from 'wouter';
import { Failure } from '../parts/Failure';
import { currentSession } from '../session';
import { SessionContext } from '../session-context';
import { text } from '../text';
import { ChooseTenant } from './ChooseTenant';
import { NotFound } from './NotFound';
import { Shell } from './Shell';
import { SignIn } from './SignIn';

const Overview = lazy(() => import('../pages/overview/Overview'));
const Jobs = lazy(() => import('../pages/jobs/Jobs'));
const Job = lazy(() => import('../pages/jobs/Job'));
const Destinations = lazy(() => import('../pages/destinations/Destinations'));
const NewDestination = lazy(() => import('../pages/destinations/NewDestination'));
const Destination = lazy(() => import('../pages/destinations/Destination'));
const Rules = lazy(() => import('../pages/rules/Rules'));
const EditRule = lazy(() => import('../pages/rules/EditRule'));
const Explain = lazy(() => import('../pages/rules/Explain'));
const DeadLetters = lazy(() => import('../pages/dead-letters/DeadLetters'));
const AuditLog = lazy(() => import('../pages/audit/AuditLog'));

const SESSION = ['session'];

const Wait = () => (
  <Center p="xl">
    <Loader size="sm" aria-label={text.common.loading} />
  </Center>
);

export function App() {
  const queries = useQueryClient();
  const {
    data: session,
    error,
    isPending,
    refetch,
  } = useQuery({
    queryKey: SESSION,
    queryFn: async () => (await currentSession()) ?? null,
    refetchOnWindowFocus: false,
    staleTime: Infinity,
  });
  /** Somebody else, or about another tenant: what was shown before is none of his business. */
  const renew = async (): Promise<void> => {
    queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'session' });
    await refetch();
  };
  if (isPending) return <Wait />;
  if (error !== null) {
    return (
      <Box p="md">
        <Failure error={error} again={() => void refetch()} />
      </Box>
    );
  }
  if (session === null) return <SignIn onDone={renew} />;
  return (
    <SessionContext value={session}>
      {session.identity.tenant_id === null ? (
        <ChooseTenant onDone={renew} />
      ) : (
        <Router base="/console">
          <Shell onLeave={renew}>
            <Suspense fallback={<Wait />}>
              <Pages />
            </Suspense>
          </Shell>
        </Router>
      )}
    </SessionContext>
  );
}

const Pages = () => (
  <Switch>
    <Route path="/" component={Overview} />
    <Route path="/distributions" component={Jobs} />
    <Route path="/distributions/:id">{({ id }) => <Job key={id} id={decodeURIComponent(id)} />}</Route>
    <Route path="/destinations" component={Destinations} />
    <Route path="/destinations/new" component={NewDestination} />
    <Route path="/destinations/:name">{({ name }) => <Destination key={name} name={name} />}</Route>
    <Route path="/rules" component={Rules} />
    <Route path="/rules/explain" component={Explain} />
    <Route path="/rules/:id">{({ id }) => <EditRule key={id} id={id} />}</Route>
    <Route path="/dead-letters" component={DeadLetters} />
    <Route path="/audit" component={AuditLog} />
    <Route component={NotFound} />
  </Switch>
);
