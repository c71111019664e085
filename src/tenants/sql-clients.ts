import { type TenantTransaction } from '../database/tenant-transaction';
import { conflict, notFound } from '../kernel/errors';
import { type TenantId } from '../kernel/ids';
import { audit } from './audit';
import { Tenant } from './entities';

const ADD = {
  name: 'add_sql_client',
  text: `INSERT INTO sql_clients (login, tenant_id) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING login`,
};
const REMOVE = {
  name: 'remove_sql_client',
  text: `DELETE FROM sql_clients WHERE login = $1 RETURNING login`,
};

/** Which tenant a login of the database submits for (docs/sql-intake.md). */
export class SqlClients {
  constructor(
    private readonly tenants: TenantTransaction,
    private readonly actor: string,
  ) {}

  add(tenantId: TenantId, login: string): Promise<void> {
    return this.tenants.run(tenantId, async (tx) => {
      const tenant = await tx.manager.findOneBy(Tenant, { id: tenantId });
      if (tenant === null) throw notFound(`the tenant ${tenantId}`);
      const added = await tx.query(ADD, [login, tenantId]);
      if (added.length === 0)
        throw conflict('login', `${login} is the client of a tenant already; remove it first`);
      await audit(tx.manager, this.entry(tenantId, login, 'create'));
    });
  }

  remove(tenantId: TenantId, login: string): Promise<void> {
    return this.tenants.run(tenantId, async (tx) => {
      await tx.query(REMOVE, [login]);
      await audit(tx.manager, this.entry(tenantId, login, 'delete'));
    });
  }

  private entry = (tenantId: TenantId, login: string, action: 'create' | 'delete') =>
    ({
      tenantId,
      actor: this.actor,
      requestId: undefined,
      action,
      resourceType: 'sql_client',
      resourceId: login,
    }) as const;
}
