import { type JsonObject } from '../kernel/json';
import { type ConfigurationTx } from './configuration-transaction';
import { type Caller } from './scopes';

export interface VersionRecord {
  kind: 'rule' | 'data_type';
  resourceId: string;
  version: number;
  content: JsonObject;
}

export type VersionView = {
  version: number;
  content: JsonObject;
  changed_by: string;
  created_at: Date;
};

const KEEP = {
  name: 'configuration_versions_keep',
  text: `INSERT INTO configuration_versions (tenant_id, kind, resource_id, version, content, changed_by)
         VALUES ($1, $2, $3, $4, $5, $6)`,
};

const LIST = {
  name: 'configuration_versions_list',
  text: `SELECT version, content, changed_by, created_at FROM configuration_versions
         WHERE tenant_id IS NOT DISTINCT FROM $1 AND kind = $2 AND resource_id = $3
         ORDER BY version DESC LIMIT 1000`,
};

/** In the transaction of the change: every version as it was. */
export async function keepVersion(tx: ConfigurationTx, caller: Caller, record: VersionRecord): Promise<void> {
  const { kind, resourceId, version, content } = record;
  await tx.query(KEEP, [tx.owner, kind, resourceId, version, JSON.stringify(content), caller.actor]);
}

/** The newest first. */
export const versionsOf = (
  tx: ConfigurationTx,
  owner: ConfigurationTx['owner'],
  kind: VersionRecord['kind'],
  resourceId: string,
): Promise<VersionView[]> => tx.query<VersionView>(LIST, [owner, kind, resourceId]);
