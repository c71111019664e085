import { Column, Entity, PrimaryColumn } from 'typeorm';
import { type ApiKeyId, type DestinationId, type RuleId, type TenantId } from '../kernel/ids';
import { type RuleType } from '../rules/actions';
import { type Scope } from './scopes';

/*
 * Rows as the database has them, under the database's names (docs/glossary.md): the same word in column,
 * code and API. The defaults are the database's; a date comes back after the insert.
 */

export const TENANT_STATUSES = ['active', 'suspended', 'inactive'] as const;

@Entity('tenants')
export class Tenant {
  @PrimaryColumn({ type: 'varchar' }) id!: TenantId;
  @Column({ type: 'varchar' }) name!: string;
  @Column({ type: 'text', nullable: true }) description!: string | null;
  @Column({ type: 'varchar' }) status!: (typeof TENANT_STATUSES)[number];
  @Column({ type: 'jsonb' }) config!: object;
  @Column({ type: 'int' }) rate_limit_requests!: number;
  @Column({ type: 'int' }) rate_limit_window_seconds!: number;
  @Column({ type: 'int' }) burst_limit!: number;
  @Column({ type: 'timestamptz' }) created_at!: Date;
  @Column({ type: 'timestamptz' }) updated_at!: Date;
  /** Set where nothing of it is left but this row, its erasures and its audit log. */
  @Column({ type: 'timestamptz', nullable: true }) erased_at!: Date | null;
}

@Entity('api_keys')
export class ApiKey {
  @PrimaryColumn({ type: 'uuid' }) id!: ApiKeyId;
  @Column({ type: 'varchar', nullable: true }) tenant_id!: TenantId | null;
  @Column({ type: 'varchar' }) name!: string;
  @Column({ type: 'varchar' }) prefix!: string;
  @Column({ type: 'bytea' }) key_hash!: Buffer;
  @Column({ type: 'text', array: true }) scopes!: Scope[];
  @Column({ type: 'int', nullable: true }) rate_limit_requests!: number | null;
  @Column({ type: 'timestamptz' }) created_at!: Date;
  @Column({ type: 'varchar' }) created_by!: string;
  @Column({ type: 'timestamptz', nullable: true }) expires_at!: Date | null;
  @Column({ type: 'timestamptz', nullable: true }) last_used_at!: Date | null;
  @Column({ type: 'timestamptz', nullable: true }) revoked_at!: Date | null;
}

@Entity('signing_secrets')
export class SigningSecret {
  @PrimaryColumn({ type: 'uuid' }) id!: string;
  @Column({ type: 'varchar' }) tenant_id!: TenantId;
  /** Sealed (kernel/secret-box.ts). */
  @Column({ type: 'text' }) secret!: string;
  @Column({ type: 'varchar' }) hint!: string;
  @Column({ type: 'timestamptz' }) created_at!: Date;
  @Column({ type: 'timestamptz', nullable: true }) expires_at!: Date | null;
  @Column({ type: 'timestamptz', nullable: true }) revoked_at!: Date | null;
}

export const DESTINATION_STATUSES = ['active', 'inactive', 'maintenance', 'deprecated'] as const;
export type DestinationStatus = (typeof DESTINATION_STATUSES)[number];

@Entity('destinations')
export class Destination {
  @PrimaryColumn({ type: 'uuid' }) id!: DestinationId;
  @Column({ type: 'varchar' }) tenant_id!: TenantId;
  @Column({ type: 'varchar' }) name!: string;
  @Column({ type: 'text', nullable: true }) description!: string | null;
  @Column({ type: 'varchar' }) protocol!: string;
  @Column({ type: 'varchar' }) status!: DestinationStatus;
  @Column({ type: 'text', nullable: true }) status_reason!: string | null;
  /** Secret fields are sealed. */
  @Column({ type: 'jsonb' }) configuration!: object;
  @Column({ type: 'jsonb' }) transform_config!: object;
  @Column({ type: 'jsonb' }) health_check_config!: object;
  @Column({ type: 'text', array: true }) tags!: string[];
  @Column({ type: 'int' }) version!: number;
  @Column({ type: 'timestamptz' }) created_at!: Date;
  @Column({ type: 'timestamptz' }) updated_at!: Date;
  @Column({ type: 'timestamptz', nullable: true }) deleted_at!: Date | null;
  @Column({ type: 'timestamptz', nullable: true }) last_used!: Date | null;
  @Column({ type: 'bigint' }) usage_count!: string;
  @Column({ type: 'varchar' }) health_status!: 'healthy' | 'unhealthy' | 'unknown';
  @Column({ type: 'timestamptz', nullable: true }) last_health_check!: Date | null;
}

@Entity('destination_configs')
export class DestinationConfig {
  @PrimaryColumn({ type: 'varchar' }) tenant_id!: TenantId;
  @PrimaryColumn({ type: 'uuid' }) destination_id!: DestinationId;
  @PrimaryColumn({ type: 'int' }) version!: number;
  @Column({ type: 'text', nullable: true }) description!: string | null;
  @Column({ type: 'varchar' }) protocol!: string;
  @Column({ type: 'varchar' }) status!: DestinationStatus;
  @Column({ type: 'jsonb' }) configuration!: object;
  @Column({ type: 'jsonb' }) transform_config!: object;
  @Column({ type: 'jsonb' }) health_check_config!: object;
  @Column({ type: 'text', array: true }) tags!: string[];
  @Column({ type: 'varchar' }) changed_by!: string;
  @Column({ type: 'timestamptz' }) created_at!: Date;
}

@Entity('distribution_rules')
export class Rule {
  @PrimaryColumn({ type: 'uuid' }) id!: RuleId;
  /** Null: the platform's, in force for every tenant. */
  @Column({ type: 'varchar', nullable: true }) tenant_id!: TenantId | null;
  @Column({ type: 'varchar' }) name!: string;
  @Column({ type: 'text', nullable: true }) description!: string | null;
  @Column({ type: 'varchar' }) rule_type!: RuleType;
  @Column({ type: 'jsonb' }) conditions!: object;
  @Column({ type: 'jsonb' }) actions!: object;
  @Column({ type: 'int' }) priority!: number;
  @Column({ type: 'boolean' }) enabled!: boolean;
  @Column({ type: 'int' }) version!: number;
  /** Of its owner's rules (configuration-revisions.ts) at the time of the last change. */
  @Column({ type: 'bigint' }) revision!: string;
  @Column({ type: 'timestamptz' }) created_at!: Date;
  @Column({ type: 'timestamptz' }) updated_at!: Date;
  @Column({ type: 'timestamptz', nullable: true }) deleted_at!: Date | null;
}

@Entity('audit_log')
export class AuditEntry {
  @PrimaryColumn({ type: 'uuid' }) id!: string;
  @Column({ type: 'varchar', nullable: true }) tenant_id!: TenantId | null;
  @Column({ type: 'varchar' }) actor!: string;
  @Column({ type: 'varchar' }) action!: string;
  @Column({ type: 'varchar' }) resource_type!: string;
  @Column({ type: 'varchar' }) resource_id!: string;
  @Column({ type: 'jsonb' }) details!: object;
  @Column({ type: 'varchar', nullable: true }) request_id!: string | null;
  @Column({ type: 'timestamptz' }) created_at!: Date;
}

export const ENTITIES = [Tenant, ApiKey, SigningSecret, Destination, DestinationConfig, Rule, AuditEntry];
