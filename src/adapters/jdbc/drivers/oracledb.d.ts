/** What is used of node-oracledb, which brings no types. */
declare module 'oracledb' {
  export interface OracleResult {
    rowsAffected?: number;
    rows?: unknown[];
  }
  export interface OracleConnection {
    execute(sql: string, binds: unknown[], options?: { autoCommit?: boolean }): Promise<OracleResult>;
    commit(): Promise<void>;
    rollback(): Promise<void>;
    break(): Promise<void>;
    close(options?: { drop?: boolean }): Promise<void>;
    callTimeout: number;
  }
  export interface OracleAttributes {
    user: string;
    password: string;
    connectString: string;
  }
  const oracledb: { getConnection(attributes: OracleAttributes): Promise<OracleConnection> };
  export default oracledb;
}
