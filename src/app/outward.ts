import { type Adapter, type Protocol } from '../adapters/port';
import { type Senders } from '../adapters/senders';
import { type TenantTransaction } from '../database/tenant-transaction';
import { type SecretBox } from '../kernel/secret-box';
import { type SigningSecrets } from '../tenants/signing-secrets';

/** What every message that leaves the service needs: protocols, connections, secrets. */
export class Outward {
  constructor(
    readonly tenants: TenantTransaction,
    readonly adapters: ReadonlyMap<Protocol, Adapter>,
    readonly senders: Senders,
    readonly signingSecrets: SigningSecrets,
    readonly box: SecretBox,
  ) {}

  get rest(): Adapter {
    const rest = this.adapters.get('REST');
    if (rest === undefined) throw new Error('the registry has no REST adapter, which callbacks need');
    return rest;
  }
}
