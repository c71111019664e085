import { type Adapter, type Protocol } from '../adapters/port';
import { type JsonObject } from '../kernel/json';

export interface DestinationType {
  id: Protocol;
  protocol: Protocol;
  name: string;
  config_schema: JsonObject;
}

/** What kinds of destinations there are: the adapters' own words, which validation uses too. */
export class DestinationTypes {
  constructor(private readonly adapters: ReadonlyMap<Protocol, Adapter>) {}

  list(): DestinationType[] {
    return [...this.adapters.values()].map(({ protocol, title, configurationSchema }) => ({
      id: protocol,
      protocol,
      name: title,
      config_schema: configurationSchema,
    }));
  }
}
