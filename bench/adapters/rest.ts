import { Agent } from 'node:http';
import axios from 'axios';
import { Agent as UndiciAgent, fetch, Pool, request } from 'undici';
import { startReceiver } from '../processes';
import { type Report } from '../report';
import { adapterWay, run, type Way } from './contest';

const CONNECTIONS = 64;
const headers = { 'content-type': 'application/json' };

/** Every HTTP client that was a candidate; docs/adr/0005 has the choice. */
export async function restContest(report: Report): Promise<void> {
  const receiver = await startReceiver();
  try {
    await run(
      {
        figure: 'adapter_rest',
        concurrency: CONNECTIONS,
        adapter: adapterWay('REST', { endpoint: `${receiver.url}/archive` }),
        bare: [
          ['undici_pool', undiciPool(receiver.url)],
          ['undici_request', undiciRequest(receiver.url)],
          ['undici_fetch', undiciFetch(receiver.url)],
          ['axios', axiosKeepAlive(receiver.url)],
        ],
      },
      report,
    );
  } finally {
    receiver.stop();
  }
}

function undiciPool(url: string): Way {
  const pool = new Pool(url, { connections: CONNECTIONS });
  return {
    deliver: async ({ body }) => {
      const answer = await pool.request({ path: '/archive', method: 'POST', body, headers });
      await answer.body.dump();
      expectOk(answer.statusCode);
    },
    close: () => pool.close(),
  };
}

function undiciRequest(url: string): Way {
  const dispatcher = new UndiciAgent({ connections: CONNECTIONS });
  return {
    deliver: async ({ body }) => {
      const answer = await request(`${url}/archive`, { method: 'POST', body, headers, dispatcher });
      await answer.body.dump();
      expectOk(answer.statusCode);
    },
    close: () => dispatcher.close(),
  };
}

function undiciFetch(url: string): Way {
  const dispatcher = new UndiciAgent({ connections: CONNECTIONS });
  return {
    deliver: async ({ body }) => {
      const answer = await fetch(`${url}/archive`, { method: 'POST', body, headers, dispatcher });
      await answer.arrayBuffer();
      expectOk(answer.status);
    },
    close: () => dispatcher.close(),
  };
}

function axiosKeepAlive(url: string): Way {
  const httpAgent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const client = axios.create({ httpAgent, headers, proxy: false, maxRedirects: 0 });
  return {
    deliver: async ({ body }) => {
      expectOk((await client.post(`${url}/archive`, body)).status);
    },
    close: async () => httpAgent.destroy(),
  };
}

function expectOk(status: number): void {
  if (status !== 200) throw new Error(`the receiver answered ${status}`);
}
