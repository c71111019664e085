const transform = { '^.+\\.(t|j)s$': ['@swc/jest', {}] };
const common = {
  testEnvironment: 'node',
  transform,
  // jose is ESM only: Node loads it by require, Jest does not.
  transformIgnorePatterns: ['/node_modules/(?!jose/)'],
  roots: ['<rootDir>/src', '<rootDir>/test'],
};
// Servers are shared by the projects that need them; each test file makes its own database (test/support).
const withServers = {
  ...common,
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
};

/** @type {import('jest').Config} */
module.exports = {
  projects: [
    {
      ...common,
      displayName: 'unit',
      testMatch: ['<rootDir>/src/**/*.spec.ts', '<rootDir>/test/unit/**/*.spec.ts'],
    },
    { ...withServers, displayName: 'integration', testMatch: ['<rootDir>/test/integration/**/*.spec.ts'] },
    { ...withServers, displayName: 'conformance', testMatch: ['<rootDir>/test/conformance/**/*.spec.ts'] },
    { ...withServers, displayName: 'e2e', testMatch: ['<rootDir>/test/e2e/**/*.spec.ts'] },
  ],
  // Adapter by case, after the other results.
  reporters: ['default', '<rootDir>/bin/conformance-reporter.js'],
  maxWorkers: 2,
  testTimeout: 60_000,
};
