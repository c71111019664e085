import '@mantine/core/styles.css';
import './console.css';
import { MantineProvider } from '@mantine/core';
import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { setNonce } from 'get-nonce';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { ApiError } from '../../client/src/errors';
import { refused } from './asked';
import { App } from './shell/App';
import { theme } from './theme';

/** The content security policy of this page lets in the style sheets that bear it, and no others. */
const nonce = document.querySelector<HTMLMetaElement>('meta[name=nonce]')?.content ?? '';
setNonce(nonce);

const queries: QueryClient = new QueryClient({
  // The session has ended, or the key was revoked: whoever it was signs in again.
  queryCache: new QueryCache({
    onError: (error) => {
      if (error instanceof ApiError && error.status === 401)
        void queries.invalidateQueries({ queryKey: ['session'] });
    },
  }),
  defaultOptions: {
    queries: { retry: (failures, error) => !refused(error) && failures < 1, staleTime: 1000 },
  },
});

const root = document.getElementById('root');
if (root === null) throw new Error('the page has no root');
createRoot(root).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={() => nonce}>
      <QueryClientProvider client={queries}>
        <App />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
