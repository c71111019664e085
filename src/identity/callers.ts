import { decodeProtectedHeader } from 'jose';
import { type KeyLookup } from '../tenants/key-lookup';
import { type Caller } from '../tenants/scopes';
import { type TenantDirectory } from '../tenants/tenant-directory';
import { type IssuedTokens } from './issued-tokens';
import { isSessionToken } from './session-tokens';
import { type Sessions } from './sessions';

const KEY = /^zk_[0-9a-f]{32}$/;
/** Ours have about 500 bytes, those of common issuers 1 to 2 KB. */
const LONGEST_TOKEN = 8192;

/** The key or token among headers, HTTP's or a message's. */
export function credentialIn(header: (name: string) => string | undefined): string | undefined {
  const bearer = /^Bearer +(\S+)$/i.exec(header('authorization') ?? '');
  return header('x-api-key') ?? bearer?.[1];
}

/** Who stands behind a credential, whichever kind it is; undefined where it is not to be believed. */
export class Callers {
  constructor(
    private readonly keys: KeyLookup,
    private readonly sessions: Sessions,
    private readonly tokens: IssuedTokens,
    private readonly tenants: TenantDirectory,
  ) {}

  async find(credential: string): Promise<Caller | undefined> {
    if (KEY.test(credential)) return this.keys.find(credential);
    const header = headerOf(credential);
    if (header === undefined) return undefined;
    if (isSessionToken(header)) return this.sessions.find(credential);
    const caller = await this.tokens.read(credential, String(header.alg));
    return caller !== undefined && (await this.tenantStands(caller)) ? caller : undefined;
  }

  /** As with a key: a suspended tenant may look, an inactive one or one that is not there may nothing. */
  private async tenantStands({ tenantId }: Caller): Promise<boolean> {
    if (tenantId === undefined) return true;
    const status = await this.tenants.status(tenantId);
    return status === 'active' || status === 'suspended';
  }
}

function headerOf(token: string): { alg?: unknown; kid?: unknown } | undefined {
  if (token.length > LONGEST_TOKEN) return undefined;
  try {
    return decodeProtectedHeader(token);
  } catch {
    return undefined;
  }
}
