import { type DataTypeBook } from '../tenants/data-type-book';
import { type DestinationCatalogue } from '../tenants/destination-catalogue';
import { type TenantDirectory } from '../tenants/tenant-directory';

/** What intake looks up about tenants, kept in memory. */
export class Known {
  constructor(
    readonly directory: TenantDirectory,
    readonly destinations: DestinationCatalogue,
    readonly dataTypes: DataTypeBook,
  ) {}
}
