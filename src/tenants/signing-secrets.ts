import { uuidv7 } from 'uuidv7';
import { newSigningSecret } from '../adapters/signature';
import { type Clock } from '../kernel/clock';
import { notFound } from '../kernel/errors';
import { type TenantId } from '../kernel/ids';
import { signingSecretPlace } from '../kernel/places';
import { type SecretBox } from '../kernel/secret-box';
import { type TenantTransaction, type TenantTx } from '../database/tenant-transaction';
import { about, audit } from './audit';
import { SigningSecret } from './entities';
import { Remembered } from './remembered';
import { type Caller, type TenantCaller } from './scopes';

const VALID = {
  name: 'valid_signing_secrets',
  text: `SELECT secret FROM signing_secrets
         WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()) ORDER BY id DESC LIMIT 2`,
};

export type SigningSecretView = Omit<SigningSecret, 'secret' | 'tenant_id'>;

/**
 * The `whsec_…` secrets (Standard Webhooks) that sign a tenant's deliveries and callbacks. During a rotation two
 * are valid, and both sign, so that a receiver can change over when it likes.
 */
export class SigningSecrets {
  private readonly remembered: Remembered<TenantId, readonly string[]>;

  constructor(
    private readonly tenants: TenantTransaction,
    private readonly box: SecretBox,
    private readonly clock: Clock,
  ) {
    this.remembered = new Remembered((tenantId) => this.read(tenantId), clock);
  }

  /** Inside the caller's transaction: a new tenant is born with a secret. */
  async createIn(tx: TenantTx, caller: Caller): Promise<SigningSecretView & { secret: string }> {
    const secret = newSigningSecret();
    const id = uuidv7();
    await tx.manager.insert(SigningSecret, {
      id,
      tenant_id: tx.tenantId,
      secret: this.box.seal(secret, signingSecretPlace(tx.tenantId)),
      hint: `whsec_…${secret.slice(-4)}`,
    });
    await audit(tx.manager, {
      ...about(caller, 'signing_secret', id, tx.tenantId),
      action: 'create',
    });
    this.remembered.forget(tx.tenantId);
    const row = await tx.manager.findOneByOrFail(SigningSecret, { id });
    return { ...view(row), secret };
  }

  async create(caller: TenantCaller): Promise<SigningSecretView & { secret: string }> {
    const created = await this.tenants.run(caller.tenantId, (tx) => this.createIn(tx, caller));
    this.remembered.forget(caller.tenantId);
    return created;
  }

  /** A new secret; the others stay valid for the overlap. */
  async rotate(
    caller: TenantCaller,
    overlapSeconds: number,
  ): Promise<SigningSecretView & { secret: string }> {
    const created = await this.tenants.run(caller.tenantId, async (tx) => {
      await tx.manager.query(
        `UPDATE signing_secrets SET expires_at = LEAST(expires_at, now() + make_interval(secs => $1))
         WHERE revoked_at IS NULL`,
        [overlapSeconds],
      );
      return this.createIn(tx, caller);
    });
    this.remembered.forget(caller.tenantId);
    return created;
  }

  async list(caller: TenantCaller): Promise<SigningSecretView[]> {
    return this.tenants.run(caller.tenantId, async ({ manager }) => {
      const rows = await manager.find(SigningSecret, { order: { id: 'DESC' } });
      return rows.map(view);
    });
  }

  async revoke(caller: TenantCaller, id: string): Promise<void> {
    await this.tenants.run(caller.tenantId, async ({ manager }) => {
      const row = await manager.findOneBy(SigningSecret, { id });
      if (row === null) throw notFound(`signing secret ${id}`);
      await manager.update(SigningSecret, { id }, { revoked_at: this.clock.now() });
      await audit(manager, {
        ...about(caller, 'signing_secret', id),
        action: 'revoke',
      });
    });
    this.remembered.forget(caller.tenantId);
  }

  /** The secrets that sign now, the current one first; believed for a second. */
  valid(tenantId: TenantId): Promise<readonly string[]> {
    return this.remembered.get(tenantId);
  }

  private async read(tenantId: TenantId): Promise<readonly string[]> {
    const rows = await this.tenants.run(tenantId, (tx) => tx.query<{ secret: string }>(VALID, []));
    return rows.map(({ secret }) => this.box.open(secret, signingSecretPlace(tenantId)));
  }
}

function view({ secret: _secret, tenant_id: _tenant, ...rest }: SigningSecret): SigningSecretView {
  return rest;
}
