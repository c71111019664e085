import { type Provider, type Type } from '@nestjs/common';

type Instances<Classes extends Type<unknown>[]> = { [Index in keyof Classes]: InstanceType<Classes[Index]> };

/** A provider that is made by hand from others; the compiler checks that they fit. */
export const made = <Classes extends Type<unknown>[], Made>(
  provide: Type<Made>,
  inject: [...Classes],
  useFactory: (...instances: Instances<Classes>) => Made,
): Provider => ({ provide, inject, useFactory: useFactory as (...instances: never[]) => Made });
