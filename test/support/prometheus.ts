export type Labels = Record<string, string>;

/** The sum of a metric's samples whose labels hold all the given ones; undefined where there is none. */
export async function metric(url: string, name: string, labels: Labels = {}): Promise<number | undefined> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const samples = text.split('\n').flatMap((line) => {
    const [, found, set = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    return found === name && holds(set, labels) ? [Number(value)] : [];
  });
  return samples.length === 0 ? undefined : samples.reduce((sum, value) => sum + value, 0);
}

const holds = (set: string, labels: Labels): boolean =>
  Object.entries(labels).every(([label, value]) => set.split(',').includes(`${label}="${value}"`));
