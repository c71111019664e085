import { type Rulings } from '../intake/rulings';
import { type DataTypeBook } from '../tenants/data-type-book';
import { type DestinationCatalogue } from '../tenants/destination-catalogue';
import { type TenantDirectory } from '../tenants/tenant-directory';
import { type Transforming } from './transforms';

/** What intake looks up about tenants, kept in memory. */
export class Known {
  constructor(
    readonly directory: TenantDirectory,
    readonly destinations: DestinationCatalogue,
    readonly dataTypes: DataTypeBook,
  ) {}
}

/** What decides over a submission: where it goes, and as what. */
export class Deciding {
  constructor(
    readonly rulings: Rulings,
    readonly contents: Transforming,
  ) {}
}
