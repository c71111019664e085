import { type CallOptions, type Transport } from './transport.js';
import {
  type Destination,
  type DestinationHealth,
  type DestinationHealthQuery,
  type DestinationInput,
  type DestinationList,
  type DestinationPatch,
  type DestinationTest,
  type DestinationTestRequest,
  type DestinationTypeList,
  type Explanation,
  type RegisteredDestination,
  type Rule,
  type RuleInput,
  type RuleList,
  type RuleMatch,
  type RuleMatchRequest,
  type RulePatch,
  type RuleQuery,
  type Submission,
  type Transform,
  type TransformInput,
  type TransformList,
  type TransformPatch,
  type TransformPreview,
  type TransformPreviewRequest,
  type WatchedDestination,
} from './types.js';

const at = (collection: string, idOrName: string, action = ''): string =>
  `/${collection}/${encodeURIComponent(idOrName)}${action}`;

/** Where a tenant's jobs may go. Each is named by its id or its name. */
export class Destinations {
  constructor(private readonly transport: Transport) {}

  register(input: DestinationInput, options?: CallOptions): Promise<RegisteredDestination> {
    return this.transport.call({ method: 'POST', path: '/destinations/register', body: input }, options);
  }

  async list(options?: CallOptions): Promise<WatchedDestination[]> {
    const call = { method: 'GET', path: '/destinations/list' } as const;
    return (await this.transport.call<DestinationList>(call, options)).destinations;
  }

  /** The protocols, each with the JSON Schema of its configuration. */
  async types(options?: CallOptions): Promise<DestinationTypeList['destination_types']> {
    const call = { method: 'GET', path: '/destination-types' } as const;
    return (await this.transport.call<DestinationTypeList>(call, options)).destination_types;
  }

  get(idOrName: string, options?: CallOptions): Promise<WatchedDestination> {
    return this.transport.call({ method: 'GET', path: at('destinations', idOrName) }, options);
  }

  replace(idOrName: string, input: DestinationInput, options?: CallOptions): Promise<Destination> {
    return this.transport.call({ method: 'PUT', path: at('destinations', idOrName), body: input }, options);
  }

  /** What is absent stays, inside `configuration` too (JSON Merge Patch). */
  update(idOrName: string, patch: DestinationPatch, options?: CallOptions): Promise<Destination> {
    return this.transport.call({ method: 'PATCH', path: at('destinations', idOrName), body: patch }, options);
  }

  async remove(idOrName: string, options?: CallOptions): Promise<void> {
    await this.transport.call({ method: 'DELETE', path: at('destinations', idOrName) }, options);
  }

  /**
   * Connects, and with `send: true` delivers a sample.
   * @throws ApiError DESTINATION_UNAVAILABLE when it cannot be reached
   */
  test(
    idOrName: string,
    request: DestinationTestRequest = {},
    options?: CallOptions,
  ): Promise<DestinationTest> {
    const path = at('destinations', idOrName, '/test');
    return this.transport.call({ method: 'POST', path, body: request }, options);
  }

  health(
    idOrName: string,
    query: DestinationHealthQuery = {},
    options?: CallOptions,
  ): Promise<DestinationHealth> {
    const path = at('destinations', idOrName, '/health');
    return this.transport.call({ method: 'GET', path, query }, options);
  }

  /** What waits because the breaker is open is sent at once. */
  resetBreaker(idOrName: string, options?: CallOptions): Promise<WatchedDestination> {
    const path = at('destinations', idOrName, '/breaker/reset');
    return this.transport.call({ method: 'POST', path, repeatable: true }, options);
  }
}

/** What becomes of jobs: filtered, prioritised, routed, transformed. */
export class Rules {
  constructor(private readonly transport: Transport) {}

  create(input: RuleInput, options?: CallOptions): Promise<Rule> {
    return this.transport.call({ method: 'POST', path: '/rules', body: input }, options);
  }

  /** In the order of evaluation. */
  async list(query: RuleQuery = {}, options?: CallOptions): Promise<Rule[]> {
    return (await this.transport.call<RuleList>({ method: 'GET', path: '/rules', query }, options)).rules;
  }

  get(id: string, options?: CallOptions): Promise<Rule> {
    return this.transport.call({ method: 'GET', path: at('rules', id) }, options);
  }

  replace(id: string, input: RuleInput, options?: CallOptions): Promise<Rule> {
    return this.transport.call({ method: 'PUT', path: at('rules', id), body: input }, options);
  }

  /** What is absent stays; conditions and actions are replaced as a whole. */
  update(id: string, patch: RulePatch, options?: CallOptions): Promise<Rule> {
    return this.transport.call({ method: 'PATCH', path: at('rules', id), body: patch }, options);
  }

  async remove(id: string, options?: CallOptions): Promise<void> {
    await this.transport.call({ method: 'DELETE', path: at('rules', id) }, options);
  }

  enable(id: string, options?: CallOptions): Promise<Rule> {
    return this.transport.call(
      { method: 'POST', path: at('rules', id, '/enable'), repeatable: true },
      options,
    );
  }

  disable(id: string, options?: CallOptions): Promise<Rule> {
    return this.transport.call(
      { method: 'POST', path: at('rules', id, '/disable'), repeatable: true },
      options,
    );
  }

  /** Whether a pattern matches an event, and if not, why. */
  match(request: RuleMatchRequest, options?: CallOptions): Promise<RuleMatch> {
    return this.transport.call(
      { method: 'POST', path: '/rules/match', body: request, repeatable: true },
      options,
    );
  }

  /** What a submission would become, and why; nothing is sent. */
  explain(submission: Submission, options?: CallOptions): Promise<Explanation> {
    return this.transport.call(
      { method: 'POST', path: '/rules/explain', body: submission, repeatable: true },
      options,
    );
  }
}

/** How payloads are rewritten. Each is named by its id or its name. */
export class Transforms {
  constructor(private readonly transport: Transport) {}

  create(input: TransformInput, options?: CallOptions): Promise<Transform> {
    return this.transport.call({ method: 'POST', path: '/transforms', body: input }, options);
  }

  async list(options?: CallOptions): Promise<Transform[]> {
    const call = { method: 'GET', path: '/transforms' } as const;
    return (await this.transport.call<TransformList>(call, options)).transforms;
  }

  get(idOrName: string, options?: CallOptions): Promise<Transform> {
    return this.transport.call({ method: 'GET', path: at('transforms', idOrName) }, options);
  }

  replace(idOrName: string, input: TransformInput, options?: CallOptions): Promise<Transform> {
    return this.transport.call({ method: 'PUT', path: at('transforms', idOrName), body: input }, options);
  }

  update(idOrName: string, patch: TransformPatch, options?: CallOptions): Promise<Transform> {
    return this.transport.call({ method: 'PATCH', path: at('transforms', idOrName), body: patch }, options);
  }

  async remove(idOrName: string, options?: CallOptions): Promise<void> {
    await this.transport.call({ method: 'DELETE', path: at('transforms', idOrName) }, options);
  }

  /** @throws ApiError TRANSFORMATION_FAILED */
  preview(request: TransformPreviewRequest, options?: CallOptions): Promise<TransformPreview> {
    const call = { method: 'POST', path: '/transforms/preview', body: request, repeatable: true } as const;
    return this.transport.call(call, options);
  }
}
