/**
 * Something that takes deliveries in one protocol, on this machine, for real. Another protocol is one more file
 * beside rest.ts that starts such a receiver, and one more line in the scenario's cast.
 */
export interface Receiver {
  name: string;
  /** Whose it is, and with whose secret it verifies. */
  tenantId: string;
  /** How it behaves, for the reader. */
  manner: string;
  /** Where it listens, for the reader. */
  address: string;
  /** As it is registered with the service or given inline. */
  destination: { protocol: string; [field: string]: unknown };
  /** Everything that came, in order. */
  received: readonly Arrival[];
  stop(): Promise<void>;
}

export interface Arrival {
  at: Date;
  /** The same for every attempt of one delivery. */
  deliveryId: string;
  attempt: number;
  distributionId: string;
  /** Why the signature does not hold; absent where it does. */
  forged?: string;
  /** What the receiver answered, in the words of its protocol. */
  answered: number;
  body: unknown;
}
