/** A receiver of one protocol, and what it has got, in a few words for the reader. */
export interface ProtocolReceiver {
  protocol: string;
  /** Where it is, for the reader. */
  address: string;
  /** The destination's fields. */
  configuration: Record<string, unknown>;
  arrived(): Promise<string[]> | string[];
  stop(): Promise<void>;
}

/** Why a protocol is left out of this run, and how to have it. */
export class NotToBeHad extends Error {}
