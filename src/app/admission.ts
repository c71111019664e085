import { type Sessions } from '../identity/sessions';
import { type TenantId } from '../kernel/ids';
import { type KeyLookup } from '../tenants/key-lookup';
import { type TenantDirectory } from '../tenants/tenant-directory';

/** What this process remembers of who may come in. */
export class Admission {
  constructor(
    private readonly keys: KeyLookup,
    private readonly sessions: Sessions,
    private readonly directory: TenantDirectory,
  ) {}

  /** The tenant's status has changed: its keys and sessions must be looked up again. */
  forget(tenantId: TenantId): void {
    this.keys.forgetAll();
    this.sessions.forgetAll();
    this.directory.forget(tenantId);
  }
}
