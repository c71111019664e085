import 'reflect-metadata';
import { runCommand } from './app/command';
import { encryptionKeys } from './app/encryption-keys';
import { SecretBox } from './kernel/secret-box';
import { Resealing } from './upkeep/reseal';

/**
 * Seals everything anew with the first key of ENCRYPTION_KEYS; `--check` only says which keys are in use. Exit code 1
 * while any other key than the first is needed.
 */
runCommand('rotate-keys', async ({ configuration, system }) => {
  const box = new SecretBox(await encryptionKeys(configuration.ENCRYPTION_KEYS, configuration.DATA_DIR));
  const resealing = new Resealing(system, box);
  const say = (line: string): unknown => process.stdout.write(`${line}\n`);
  if (!process.argv.includes('--check')) {
    await resealing.run(({ where, resealed, unreadable }) =>
      say(`${where}: ${resealed} sealed anew${unreadable > 0 ? `, ${unreadable} unreadable` : ''}`),
    );
  }
  const uses = await resealing.use();
  for (const { where, key_id, texts } of uses) {
    const which = key_id === box.fingerprint ? 'current' : 'old';
    say(`${where}: ${texts} under key ${key_id} (${which})`);
  }
  const old = uses.filter(({ key_id }) => key_id !== box.fingerprint);
  if (old.length === 0) say(`only key ${box.fingerprint} is needed`);
  return old.length === 0;
});
