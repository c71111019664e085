/**
 * The direction of imports (docs/adr/0001-layout.md): edges -> stages -> ports and database -> kernel.
 * A stage hands its work to the next one by a row, not by a call; the exceptions are named here.
 */
const stages = [
  'intake',
  'rules',
  'transforms',
  'planning',
  'delivery',
  'callbacks',
  'tracking',
  'replay',
  'tenants',
  'identity',
  'limits',
  'health',
  'data-protection',
];
/** intake plans what it accepts, planning asks the rules and serialises nothing itself: pure calls, no I/O. */
const allowed = {
  intake: ['planning', 'rules', 'transforms', 'tenants'],
  planning: ['rules', 'transforms'],
  delivery: ['transforms', 'tenants'],
  callbacks: ['tracking', 'tenants'],
  // A replay plans anew what was planned before, and answers with what tracking reads.
  replay: ['planning', 'tracking', 'tenants'],
  health: ['tenants'],
  // What is erased is cancelled first; an encrypted payload is opened as for its delivery.
  'data-protection': ['delivery', 'tenants'],
  // What is saved is checked and compiled by the parsers that evaluation uses.
  tenants: ['rules', 'transforms'],
  // Keys belong to tenants; users and tokens are asked whose they are in the same breath.
  identity: ['tenants'],
};
const stage = (names) => `^src/(${names.join('|')})/`;

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'kernel-imports-nothing-of-ours',
      severity: 'error',
      from: { path: '^src/kernel/' },
      to: { path: '^src/', pathNot: '^src/kernel/' },
    },
    {
      name: 'database-knows-only-the-kernel',
      severity: 'error',
      from: { path: '^src/database/' },
      to: { path: '^src/', pathNot: '^src/(database|kernel)/' },
    },
    {
      name: 'observability-knows-only-the-kernel',
      severity: 'error',
      from: { path: '^src/observability/' },
      to: { path: '^src/', pathNot: '^src/(observability|kernel)/' },
    },
    {
      name: 'rules-are-pure',
      severity: 'error',
      from: { path: '^src/rules/' },
      to: { path: '^src/|node_modules/(@nestjs|typeorm|pg)/', pathNot: '^src/(rules|kernel)/' },
    },
    {
      name: 'adapters-know-the-kernel-and-metrics',
      severity: 'error',
      from: { path: '^src/adapters/' },
      to: { path: '^src/', pathNot: '^src/(adapters|kernel|observability)/' },
    },
    {
      name: 'an-adapter-knows-no-other-adapter',
      severity: 'error',
      from: { path: '^src/adapters/(rest|amqp|jdbc|s3|sftp|email)/' },
      to: { path: '^src/adapters/(rest|amqp|jdbc|s3|sftp|email)/', pathNot: '^src/adapters/$1/' },
    },
    {
      name: 'stages-know-only-what-lies-below',
      severity: 'error',
      from: { path: stage(stages) },
      to: { path: '^src/(http|messaging|upkeep|app)/' },
    },
    ...stages.map((name) => ({
      name: `${name}-does-not-call-other-stages`,
      severity: 'error',
      from: { path: stage([name]) },
      to: {
        path: stage(stages.filter((other) => other !== name && !(allowed[name] ?? []).includes(other))),
        // The row itself is what one stage hands to the next, and the order of rows is theirs together.
        pathNot: '^src/(planning/(stored-destination|ordering)|callbacks/told\\.sql)\\.ts$',
      },
    })),
    {
      name: 'only-app-sees-everything',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(app/|[a-z-]+\\.ts$)' },
      to: { path: '^src/app/' },
    },
    {
      name: 'the-unsafe-door',
      comment:
        'SystemTransaction sees every tenant: only these files may open it (docs/adr/0003-roles.md). ' +
        'lane-store: lanes are claimed from across tenants, as deliveries are. ' +
        'configuration-transaction: rules, data types and users of the platform, which no tenant session may write. ' +
        'identity: a session, and a sign-in, is what tells the tenant. ' +
        'limits/lease: one round trip for each block of tokens, in a row that the caller names.',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot:
          '^src/(app|upkeep|database)/|^src/(delivery|callbacks)/claim\\.ts$|^src/delivery/lane-store\\.ts$|^src/tenants/(platform|key-lookup|configuration-transaction)\\.ts$|^src/identity/(sessions|sign-in-throttle)\\.ts$|^src/limits/lease\\.ts$',
      },
      to: { path: '^src/database/system-transaction\\.ts$' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
  },
};
