import { type Scope } from '../tenants/scopes';

/** What a role may, in one place. Each includes those before it, but the platform's, which stands above tenants. */
export const SCOPES_OF_ROLE = {
  viewer: ['distribution:read', 'config:read'],
  operator: ['distribution:read', 'config:read', 'distribution:submit', 'distribution:manage'],
  configurator: [
    'distribution:read',
    'config:read',
    'distribution:submit',
    'distribution:manage',
    'config:write',
  ],
  tenant_admin: [
    'distribution:read',
    'config:read',
    'distribution:submit',
    'distribution:manage',
    'config:write',
    'tenant:admin',
  ],
  platform_admin: ['platform:admin'],
} as const satisfies Record<string, readonly Scope[]>;

export type Role = keyof typeof SCOPES_OF_ROLE;

export const ROLES = Object.keys(SCOPES_OF_ROLE) as [Role, ...Role[]];
