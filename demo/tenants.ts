import { ApiClient } from './api';
import { type Keys } from './keys';

export interface DemoTenant {
  id: string;
  name: string;
}

export interface TenantAccess extends DemoTenant {
  api: ApiClient;
  /** What its receivers verify with. */
  signingSecret: string;
  /** False where an earlier run made it. */
  isNew: boolean;
}

const SCOPES = [
  'distribution:submit',
  'distribution:read',
  'distribution:manage',
  'config:read',
  'config:write',
];

/**
 * The tenant with a key and a signing secret, made at the first run and met again at the next. The secret of an
 * earlier run was shown once and is gone, as it should be; it is rotated.
 */
export async function openTenant(baseUrl: string, keys: Keys, tenant: DemoTenant): Promise<TenantAccess> {
  const platform = new ApiClient(baseUrl, keys.admin);
  const administration = new ApiClient(baseUrl, keys.admin, tenant.id);
  const made = await platform.ask<{ signing_secret: string }>('POST', '/tenants', tenant);
  if (made.status !== 201 && made.status !== 409) {
    throw new Error(`The tenant ${tenant.id} could not be made: ${JSON.stringify(made.body)}`);
  }
  const isNew = made.status === 201;
  const signingSecret = isNew ? made.body.signing_secret : await rotated(administration);
  const api = new ApiClient(baseUrl, await tenantKey(baseUrl, keys, tenant, administration));
  return { ...tenant, api, signingSecret, isNew };
}

async function rotated(administration: ApiClient): Promise<string> {
  const rotation = await administration.post<{ secret: string }>('/signing-secrets/rotate', {
    overlap_seconds: 0,
  });
  return rotation.secret;
}

/** The key of the last run while it is good, so that commands pasted from it keep working. */
async function tenantKey(
  baseUrl: string,
  keys: Keys,
  { id }: DemoTenant,
  administration: ApiClient,
): Promise<string> {
  const kept = keys.tenants[id];
  if (kept !== undefined) {
    const { status } = await new ApiClient(baseUrl, kept).ask('GET', '/destinations/list');
    if (status === 200) return kept;
  }
  const { key } = await administration.post<{ key: string }>('/api-keys', { name: 'demo', scopes: SCOPES });
  keys.tenants[id] = key;
  return key;
}
