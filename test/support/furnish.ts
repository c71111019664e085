import { must, type Reply, type TestTenant } from './api';
import { eventually } from './eventually';
import { type World } from './world';

/** A tenant with something in every table that tenants fill, and in every collection of the API. */
export interface Furnished {
  tenant: TestTenant;
  /** The name of everything that has one. */
  mark: string;
  /** Stands in payload, descriptions and addresses; nobody who asks from outside can know it. */
  hidden: string;
  /** By parameter of a path (./published). */
  ids: Record<string, string>;
}

/** `mark` must be fit for a name of a destination. */
export async function furnish(world: World, id: string, mark: string): Promise<Furnished> {
  const tenant = await world.tenant(id);
  const hidden = `hidden-of-${id}`;
  const configured = await configure(world, tenant, mark, hidden);
  const delivered = await deliver(world, tenant, mark, hidden);
  const patience = { configuration: { retry_policy: { max_attempts: 2 } } };
  must(await tenant.api.json('PATCH', `/api/v1/destinations/${mark}-lost`, patience), 200);
  // A login belongs to the whole server, so that two tenants cannot have the same.
  const login = `login-of-${id}`;
  await world.rows('INSERT INTO sql_clients (login, tenant_id) VALUES ($1, $2)', [login, id]);
  const request = `INSERT INTO sql_requests (tenant_id, login, action, distribution_id, status, settled_at)
    VALUES ($2, $1, 'submit', 'by-sql', 'accepted', now())`;
  await world.rows(request, [login, id]);
  return { tenant, mark, hidden, ids: { 'tenants/{id}': id, ...configured, ...delivered } };
}

async function configure(
  world: World,
  { api }: TestTenant,
  mark: string,
  hidden: string,
): Promise<Record<string, string>> {
  const description = hidden;
  const endpoint = `${world.receiver.url}/${hidden}`;
  const destination = await api.register(mark, { endpoint }, { description });
  await api.register(`${mark}-lost`, { endpoint: 'http://127.0.0.1:1/', ordering: { on_failure: 'block' } });
  const made = async (path: string, body: object): Promise<Reply> =>
    must(await api.json('POST', `/api/v1/${path}`, body), 201).body;
  const actions = { destinations: [mark] };
  const rule = await made('rules', {
    name: mark,
    description,
    rule_type: 'routing',
    actions,
    enabled: false,
  });
  await made('data-types', { id: mark, name: mark, description });
  await made('transforms', { name: mark, engine: 'field_mapping', spec: { mark: hidden } });
  const email = `${hidden}@example.org`;
  const user = await made('users', { username: mark, email, password: PASSWORD, role: 'viewer' });
  const key = await api.createKey(mark, ['distribution:read']);
  const secrets = await api.get<{ signing_secrets: Reply[] }>('/api/v1/signing-secrets');
  return {
    'destinations/{destination}': String(destination['destination_id']),
    'rules/{id}': String(rule['rule_id']),
    'data-types/{id}': mark,
    'transforms/{transform}': mark,
    'users/{id}': String(user['id']),
    'api-keys/{id}': String(key['id']),
    'signing-secrets/{id}': String(secrets.body.signing_secrets[0]?.['id']),
  };
}

/** Of the user that each furnished tenant has. */
export const PASSWORD = 'a long password';

async function deliver(
  world: World,
  { id, api }: TestTenant,
  mark: string,
  hidden: string,
): Promise<Record<string, string>> {
  const callback_url = `${world.receiver.url}/${hidden}/callback`;
  const job = { data_type: mark, payload: { mark, hidden }, callback_url };
  const options = { idempotency_key: `${mark}-key`, max_retries: 0, ordering_key: mark };
  const { body } = must(await api.bulk([{ ...job, destinations: [mark, `${mark}-lost`], options }]), 202);
  const deliver_at = new Date(Date.now() + 3_600_000).toISOString();
  await api.accepted({ ...job, destinations: [mark], options: { deliver_at } });
  const [distributionId = ''] = body.distribution_ids;
  await eventually({ until: 'the job to end' }, async () => {
    expect((await api.status(distributionId)).body.status).toBe('failed');
  });
  await world.receiver.received(1, `/${hidden}/callback`);
  const dead = must(await api.deadLetters(), 200).body.dead_letters[0];
  const redrive = { filter: { data_type: `${mark}-none` } };
  const operation = must(await api.json('POST', '/api/v1/dead-letters/redrive', redrive), 202);
  const counted = { subject: { path: 'payload.mark', value: mark }, dry_run: true };
  const erasure = must(await api.json('POST', `/api/v1/tenants/${id}/erase`, counted), 202);
  return {
    'distribution/{distribution_id}': distributionId,
    'batch/{batch_id}': body.batch_id,
    'dead-letters/{dead_letter_id}': String(dead?.dead_letter_id),
    'bulk-operations/{operation_id}': String(operation.body['operation_id']),
    'erasures/{erasure_id}': String(erasure.body['erasure_id']),
  };
}
