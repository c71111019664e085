import { createRequire } from 'node:module';
import type * as Mysql2 from 'mysql2';
import type Oracledb from 'oracledb';
import type * as Tedious from 'tedious';

/**
 * Libraries that few processes need and that cost start-up time and memory (tedious: a quarter of a second,
 * 34 MB), loaded with the first session. By `require`, which test runners with own module loaders know too.
 */
const load = createRequire(__filename);

export const mysql2 = (): typeof Mysql2 => load('mysql2') as typeof Mysql2;
export const tedious = (): typeof Tedious => load('tedious') as typeof Tedious;
export const oracledb = (): typeof Oracledb => load('oracledb') as typeof Oracledb;
