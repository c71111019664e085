import { type Failure } from '../failure';

export interface AwsKeys {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
  expiration?: Date;
}

/** Gives keys that are good for some minutes at least; rejects with `IdentityFault`. */
export type KeySource = () => Promise<AwsKeys>;

/** Why there are no keys to sign with. An error only because the SDK hands errors on. */
export class IdentityFault extends Error {
  constructor(readonly failure: Failure) {
    super(failure.message);
  }
}
