import { type JsonObject } from '../../src/kernel/json';
import { accountsOf, expectBalanced } from './accounts';
import { must, type StatusReply, type TestTenant } from './api';
import { eventually } from './eventually';
import { type Behaviour } from './receiver';
import { World } from './world';

/** A world of one tenant. In the end what is counted of its jobs must agree with what is stored of them. */
export class TenantWorld {
  private constructor(
    readonly world: World,
    readonly tenant: TestTenant,
    private readonly retryPolicy: JsonObject,
  ) {}

  static async create(
    id: string,
    retryPolicy: JsonObject,
    env: NodeJS.ProcessEnv = {},
  ): Promise<TenantWorld> {
    const world = await World.create(env);
    return new TenantWorld(world, await world.tenant(id), retryPolicy);
  }

  /** A destination of that name at a path of that name. */
  async destination(name: string, behaviour: Behaviour, more: object = {}): Promise<string> {
    const endpoint = this.world.receiver.on(`/${name}`, behaviour);
    await this.tenant.api.register(name, { endpoint, retry_policy: this.retryPolicy, ...more });
    return name;
  }

  /** Until the job has this status, or one of these. */
  becomes(id: string, ...statuses: string[]): Promise<StatusReply> {
    return eventually({ until: `${id} to be ${statuses.join(' or ')}` }, async () => {
      const { body } = must(await this.tenant.api.status(id), 200);
      expect(statuses).toContain(body.status);
      return body;
    });
  }

  async dispose(): Promise<void> {
    try {
      expectBalanced(await accountsOf(this.world, this.tenant.id));
    } finally {
      await this.world.dispose();
    }
  }
}
