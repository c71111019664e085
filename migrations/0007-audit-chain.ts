import { type MigrationInterface, type QueryRunner } from 'typeorm';
import { asOwner } from './support';

/**
 * Each entry of the audit log carries the hash of the one before it, tenant by tenant (the platform's own entries are
 * a chain too). A trigger does it, so that no writer can forget and processes of an earlier version chain as well.
 * Whoever changes or removes an entry would have to rewrite everything after it, and the head that was noted
 * elsewhere would still tell (docs/security.md).
 */
export class AuditChain1763600000007 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await asOwner(runner, COLUMNS, CHAIN_UP_TO_NOW, CONSTRAINTS, TRIGGER);
  }

  async down(runner: QueryRunner): Promise<void> {
    await asOwner(
      runner,
      'DROP TRIGGER chain_audit_entry ON audit_log',
      'DROP FUNCTION chain_audit_entry, audit_entry_hash',
      'ALTER TABLE audit_log DROP COLUMN sequence, DROP COLUMN previous_hash, DROP COLUMN hash',
    );
  }
}

// The text that is hashed: a JSON array, so that no two entries read alike, and the time in microseconds, so that it
// does not depend on a session's time zone.
const COLUMNS = `
  ALTER TABLE audit_log ADD COLUMN sequence bigint, ADD COLUMN previous_hash bytea, ADD COLUMN hash bytea;
  CREATE FUNCTION audit_entry_hash(entry audit_log) RETURNS bytea STABLE LANGUAGE sql AS $$
    SELECT sha256(convert_to(jsonb_build_array(
      entry.sequence, encode(entry.previous_hash, 'hex'), entry.id, entry.tenant_id, entry.actor, entry.action,
      entry.resource_type, entry.resource_id, entry.details, entry.request_id,
      (extract(epoch FROM entry.created_at) * 1000000)::bigint)::text, 'UTF8'))
  $$;`;

// Entries of before, in their order. The owner sees rows only while the policies do not bind it.
const CHAIN_UP_TO_NOW = `
  ALTER TABLE audit_log NO FORCE ROW LEVEL SECURITY;
  DO $$
  DECLARE
    entry audit_log;
    before audit_log;
  BEGIN
    FOR entry IN SELECT * FROM audit_log ORDER BY tenant_id NULLS FIRST, id LOOP
      IF before.id IS NULL OR before.tenant_id IS DISTINCT FROM entry.tenant_id THEN
        before := NULL;
      END IF;
      entry.sequence := COALESCE(before.sequence, 0) + 1;
      entry.previous_hash := before.hash;
      entry.hash := audit_entry_hash(entry);
      UPDATE audit_log SET sequence = entry.sequence, previous_hash = entry.previous_hash, hash = entry.hash
      WHERE id = entry.id;
      before := entry;
    END LOOP;
  END $$;
  ALTER TABLE audit_log FORCE ROW LEVEL SECURITY;`;

const CONSTRAINTS = `
  ALTER TABLE audit_log ALTER COLUMN sequence SET NOT NULL, ALTER COLUMN hash SET NOT NULL,
    ADD CONSTRAINT uk_audit_log_sequence UNIQUE NULLS NOT DISTINCT (tenant_id, sequence);`;

// With the rights of the session that inserts. The lock makes the entries of one chain wait for each other until the
// transaction before has ended; the query after it sees what that one committed.
const TRIGGER = `
  CREATE FUNCTION chain_audit_entry() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
  DECLARE
    before audit_log;
  BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('audit_log'), hashtext(COALESCE(NEW.tenant_id, '')));
    SELECT * INTO before FROM audit_log
    WHERE tenant_id IS NOT DISTINCT FROM NEW.tenant_id ORDER BY sequence DESC LIMIT 1;
    NEW.created_at := clock_timestamp();
    NEW.sequence := COALESCE(before.sequence, 0) + 1;
    NEW.previous_hash := before.hash;
    NEW.hash := audit_entry_hash(NEW);
    RETURN NEW;
  END $$;
  CREATE TRIGGER chain_audit_entry BEFORE INSERT ON audit_log
    FOR EACH ROW EXECUTE FUNCTION chain_audit_entry();`;
