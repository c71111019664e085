import 'reflect-metadata';
import { runCommand } from './app/command';
import { VERIFY_AUDIT_CHAINS } from './tenants/audit-chain.sql';
import { type ChainState } from './tenants/audit-trail';

/** Looks at every entry of every audit log; a line for each, exit code 1 where one is broken. */
runCommand('verify-audit', async ({ system }) => {
  const chains = await system.query<ChainState>(VERIFY_AUDIT_CHAINS, []);
  for (const { tenant_id, entries, head, first_broken } of chains) {
    const state = first_broken === null ? 'intact' : `BROKEN at entry ${first_broken}`;
    process.stdout.write(`${tenant_id ?? '(platform)'}  ${entries} entries  ${state}  head ${head}\n`);
  }
  return chains.every(({ first_broken }) => first_broken === null);
});
