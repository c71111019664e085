import { type Driver } from './connection';
import { mysqlDriver } from './mysql';
import { oracleDriver } from './oracle';
import { postgresqlDriver } from './postgresql';
import { type DriverSettings } from './settings';
import { sqlserverDriver } from './sqlserver';

/** The driver of a target. Libraries other than pg, which the service uses itself, are loaded with the first session. */
export function driverFor(settings: DriverSettings): Driver {
  switch (settings.target.dialect) {
    case 'postgresql':
      return postgresqlDriver(settings);
    case 'mysql':
      return mysqlDriver(settings);
    case 'sqlserver':
      return sqlserverDriver(settings);
    case 'oracle':
      return oracleDriver(settings);
  }
}
