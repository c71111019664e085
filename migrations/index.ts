import { Roles1763600000001 } from './0001-roles';
import { Tenants1763600000002 } from './0002-tenants';
import { Catalogue1763600000003 } from './0003-catalogue';
import { Jobs1763600000004 } from './0004-jobs';
import { Work1763600000005 } from './0005-work';
import { Rollups1763600000006 } from './0006-rollups';
import { AuditChain1763600000007 } from './0007-audit-chain';
import { Reseal1763600000008 } from './0008-reseal';
import { Lanes1763600000009 } from './0009-lanes';
import { Users1763600000010 } from './0010-users';
import { RateLimits1763600000011 } from './0011-rate-limits';
import { PartitionKeys1763600000012 } from './0012-partition-keys';
import { Replay1763600000013 } from './0013-replay';
import { DestinationHealth1763600000014 } from './0014-destination-health';
import { RetryPolicyChanges1763600000015 } from './0015-retry-policy-changes';
import { Ordering1763600000016 } from './0016-ordering';
import { Erasures1763600000017 } from './0017-erasures';
import { SqlIntake1763600000018 } from './0018-sql-intake';
import { TemporaryObjects1763600000019 } from './0019-temporary-objects';
import { OutcomeEvents1763600000020 } from './0020-outcome-events';
import { NodeSilence1763600000021 } from './0021-node-silence';

/** In order. A new one goes to the end and never changes what an earlier one made in place. */
export const MIGRATIONS = [
  Roles1763600000001,
  Tenants1763600000002,
  Catalogue1763600000003,
  Jobs1763600000004,
  Work1763600000005,
  Rollups1763600000006,
  AuditChain1763600000007,
  Reseal1763600000008,
  Lanes1763600000009,
  Users1763600000010,
  RateLimits1763600000011,
  PartitionKeys1763600000012,
  Replay1763600000013,
  DestinationHealth1763600000014,
  RetryPolicyChanges1763600000015,
  Ordering1763600000016,
  Erasures1763600000017,
  SqlIntake1763600000018,
  TemporaryObjects1763600000019,
  OutcomeEvents1763600000020,
  NodeSilence1763600000021,
];
