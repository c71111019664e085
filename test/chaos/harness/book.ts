/** What submitters were promised: every job that was acknowledged, with its number of destinations. */
export class Book {
  private readonly jobs = new Map<string, Map<string, number>>();

  acknowledged(tenantId: string, distributionId: string, fanOut: number): void {
    const ofTenant = this.jobs.get(tenantId) ?? new Map<string, number>();
    ofTenant.set(distributionId, fanOut);
    this.jobs.set(tenantId, ofTenant);
  }

  get tenants(): string[] {
    return [...this.jobs.keys()];
  }

  jobsOf(tenantId: string): ReadonlyMap<string, number> {
    return this.jobs.get(tenantId) ?? new Map<string, number>();
  }

  /** Submitted × fan-out. */
  deliveriesOf(tenantId: string): number {
    return [...this.jobsOf(tenantId).values()].reduce((sum, fanOut) => sum + fanOut, 0);
  }
}
