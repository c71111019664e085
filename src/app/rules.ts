import { type Provider } from '@nestjs/common';
import { SystemTransaction } from '../database/system-transaction';
import { TenantTransaction } from '../database/tenant-transaction';
import { WakeUps } from '../database/wake-ups';
import { Rulings } from '../intake/rulings';
import { systemClock } from '../kernel/clock';
import { type Logger } from '../observability/logger';
import { AuditTrail } from '../tenants/audit-trail';
import { ConfigurationRevisions } from '../tenants/configuration-revisions';
import { ConfigurationTransaction } from '../tenants/configuration-transaction';
import { DataTypeBook } from '../tenants/data-type-book';
import { DataTypes } from '../tenants/data-types';
import { DestinationCatalogue } from '../tenants/destination-catalogue';
import { ProgramCheck } from '../tenants/program-check';
import { RuleBook } from '../tenants/rule-book';
import { Rules } from '../tenants/rules';
import { TenantDirectory } from '../tenants/tenant-directory';
import { TransformCatalogue } from '../tenants/transform-catalogue';
import { Transformer } from '../transforms/transformer';
import { ConfigurationChanges } from './configuration-changes';
import { Known } from './known';
import { made } from './made';
import { expressionsIn } from './transforms';

/** Rules and data types: administration, what is kept of them in memory, and their use at acceptance. */
export function ruleProviders(log: Logger): Provider[] {
  return [
    made(
      ConfigurationTransaction,
      [TenantTransaction, SystemTransaction],
      (tenants, system) => new ConfigurationTransaction(tenants, system),
    ),
    made(AuditTrail, [ConfigurationTransaction], (transactions) => new AuditTrail(transactions)),
    made(
      ConfigurationRevisions,
      [TenantTransaction],
      (tenants) => new ConfigurationRevisions(tenants, systemClock),
    ),
    made(
      ConfigurationChanges,
      [WakeUps, ConfigurationRevisions, TransformCatalogue],
      (...parts) => new ConfigurationChanges(...parts),
    ),
    made(
      RuleBook,
      [TenantTransaction, ConfigurationRevisions],
      (tenants, revisions) =>
        new RuleBook({
          tenants,
          revisions,
          onFault: (ruleId, issues) => log.error({ rule_id: ruleId, issues }, 'stored rule cannot be used'),
        }),
    ),
    made(
      DataTypeBook,
      [TenantTransaction, ConfigurationRevisions],
      (tenants, revisions) => new DataTypeBook(tenants, revisions),
    ),
    made(Known, [TenantDirectory, DestinationCatalogue, DataTypeBook], (...known) => new Known(...known)),
    made(
      Rules,
      [ConfigurationTransaction, ConfigurationChanges, ProgramCheck],
      (transactions, { announce }, programs) => new Rules({ transactions, programs, onChange: announce }),
    ),
    made(
      DataTypes,
      [ConfigurationTransaction, ConfigurationChanges],
      (transactions, { announce }) => new DataTypes({ transactions, onChange: announce }),
    ),
    made(
      Rulings,
      [RuleBook, DestinationCatalogue, Transformer],
      (rules, catalogue, transformer) =>
        new Rulings({ rules, catalogue, expressions: expressionsIn(transformer) }),
    ),
  ];
}
