import { relative } from 'node:path';

/** As somebody in this directory would write it. */
export const shortPath = (path: string): string => {
  const near = relative(process.cwd(), path);
  return near.startsWith('..') || near === '' ? path : near;
};
