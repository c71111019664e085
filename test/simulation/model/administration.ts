import { type Statement } from '../../../src/database/statement';
import { type JsonObject } from '../../../src/kernel/json';
import { BEAT } from '../../../src/upkeep/heartbeat';
import { takeBack } from './claim';
import { type DestinationRow, type TenantRow } from './tables';
import { array, type Modelled } from './values';

/** What stands around deliveries and is changed by others: with SQL for the comparison with PostgreSQL. */
export const ADD_TENANT: Statement = {
  name: 'simulated_add_tenant',
  text: `INSERT INTO tenants (id, name) VALUES ($1, $1)`,
};

export const SET_TENANT_STATUS: Statement = {
  name: 'simulated_tenant_status',
  text: `UPDATE tenants SET status = $2 WHERE id = $1`,
};

export const ADD_DESTINATION: Statement = {
  name: 'simulated_add_destination',
  text: `
    INSERT INTO destinations (id, tenant_id, name, protocol, configuration)
    VALUES ($1, $2, $3, 'REST', $4::jsonb)`,
};

/** $2 status, $3 configuration, $4 whether it is deleted */
export const CHANGE_DESTINATION: Statement = {
  name: 'simulated_change_destination',
  text: `
    UPDATE destinations SET status = $2, configuration = $3::jsonb, version = version + 1,
      deleted_at = CASE WHEN $4::boolean THEN now() END
    WHERE id = $1`,
};

export const DISCARD: Statement = {
  name: 'simulated_discard',
  text: `UPDATE dead_letters SET status = 'discarded' WHERE delivery_id = $1 AND status = 'dead'`,
};

const addTenant: Modelled = (tables, [id]) => {
  tables.tenants.set(id as string, { id: id as string, status: 'active' });
  return [];
};

const setTenantStatus: Modelled = (tables, [id, status]) => {
  tables.tenants.set(id as string, { id: id as string, status: status as TenantRow['status'] });
  return [];
};

const addDestination: Modelled = (tables, [id, tenantId, name, configuration]) => {
  tables.destinations.set(id as string, {
    id: id as string,
    tenantId: tenantId as string,
    name: name as string,
    status: 'active',
    configuration: JSON.parse(configuration as string) as JsonObject,
    version: 1,
    deletedAt: null,
  });
  return [];
};

const changeDestination: Modelled = (tables, [id, status, configuration, isDeleted]) => {
  const destination = tables.destinations.get(id as string);
  if (destination === undefined) return [];
  destination.status = status as DestinationRow['status'];
  destination.configuration = JSON.parse(configuration as string) as JsonObject;
  destination.version++;
  destination.deletedAt = isDeleted === true ? tables.now : null;
  return [];
};

const discard: Modelled = (tables, [deliveryId]) => {
  for (const letter of tables.letters)
    if (letter.deliveryId === deliveryId && letter.status === 'dead') letter.status = 'discarded';
  return [];
};

const beat: Modelled = (tables, [id, , , , , , lostAfter, gap]) => {
  const before = tables.nodes.get(id as string);
  const isGap = before === undefined || before.heartbeatAt < tables.after(-(gap as number));
  tables.nodes.set(id as string, {
    lostAfterSeconds: lostAfter as number,
    heardSince: isGap ? tables.now : before.heardSince,
    heartbeatAt: tables.now,
  });
  return [];
};

const lostNodes: Modelled = (tables, [gap]) => {
  const nodes = [...tables.nodes.values()];
  const isWitnessed = (since: number): boolean =>
    nodes.some((one) => one.heardSince <= since && one.heartbeatAt >= tables.after(-(gap as number)));
  const lost = [...tables.nodes].filter(([, { heartbeatAt, lostAfterSeconds }]) => {
    const since = tables.after(-lostAfterSeconds);
    return heartbeatAt < since && isWitnessed(since);
  });
  for (const [id] of lost) tables.nodes.delete(id);
  return lost.map(([id]) => ({ id }));
};

const rescueLeases: Modelled = (tables, [nodes]) => {
  for (const row of tables.ready.values())
    if (row.leasedBy !== null && array(nodes).includes(row.leasedBy)) takeBack(tables, row);
  return [];
};

export const ADMINISTRATION: Record<string, Modelled> = {
  [ADD_TENANT.name]: addTenant,
  [SET_TENANT_STATUS.name]: setTenantStatus,
  [ADD_DESTINATION.name]: addDestination,
  [CHANGE_DESTINATION.name]: changeDestination,
  [DISCARD.name]: discard,
  [BEAT.name]: beat,
  lost_nodes: lostNodes,
  rescue_leases: rescueLeases,
  // There are no callbacks here.
  rescue_callbacks: () => [],
};
