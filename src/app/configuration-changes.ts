import { type WakeUps } from '../database/wake-ups';
import { type ConfigurationRevisions } from '../tenants/configuration-revisions';
import { type Owner } from '../tenants/configuration-transaction';
import { type TransformCatalogue } from '../tenants/transform-catalogue';

/** What must happen when rules, transforms or data types have changed, here or in another process. */
export class ConfigurationChanges {
  constructor(
    private readonly wakeUps: WakeUps,
    private readonly revisions: ConfigurationRevisions,
    private readonly transforms: TransformCatalogue,
  ) {}

  /** After a change by this process. */
  readonly announce = (owner: Owner): void => {
    this.forget(owner);
    this.wakeUps.changed(owner);
  };

  /** Null: everybody's. */
  forget(owner: Owner): void {
    this.revisions.forget(owner);
    this.transforms.forget(owner);
  }
}
