const { existsSync } = require('node:fs');
const { join } = require('node:path');

const transform = { '^.+\\.(t|j)s$': ['@swc/jest', {}] };
const common = {
  testEnvironment: 'node',
  transform,
  // ESM only: Node loads them by require, Jest does not.
  transformIgnorePatterns: ['/node_modules/(?!(jose|content-disposition)/)'],
  roots: ['<rootDir>/src', '<rootDir>/test'],
};
// Servers are shared by the projects that need them; each test file makes its own database (test/support).
const withServers = {
  ...common,
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
};

/** In a browser: where the console is built, as .ci/run does. `npm test` alone needs no browser. */
const consoles = existsSync(join(__dirname, 'console', 'dist', 'index.html'))
  ? [
      {
        ...withServers,
        displayName: 'console',
        roots: ['<rootDir>/console/test'],
        testMatch: ['<rootDir>/console/test/*.spec.ts'],
      },
    ]
  : [];

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
    {
      ...withServers,
      displayName: 'client',
      roots: ['<rootDir>/client'],
      testMatch: ['<rootDir>/client/test/**/*.spec.ts'],
      // ES modules name each other by what they are compiled to.
      moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
      modulePathIgnorePatterns: ['<rootDir>/client/dist/'],
    },
    { ...withServers, displayName: 'simulation', testMatch: ['<rootDir>/test/simulation/*.spec.ts'] },
    {
      ...withServers,
      displayName: 'chaos',
      testMatch: ['<rootDir>/test/chaos/*.spec.ts'],
      // The client library is used there.
      moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
    },
    ...consoles,
  ],
  // Adapter by case, fault by account and attacks by number, after the other results.
  reporters: [
    'default',
    '<rootDir>/bin/conformance-reporter.js',
    '<rootDir>/bin/chaos-reporter.js',
    '<rootDir>/bin/security-reporter.js',
  ],
  maxWorkers: 2,
  // Starting a service takes a second, and half a minute on a machine with much else to do.
  testTimeout: 120_000,
};
