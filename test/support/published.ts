/** An endpoint as the published OpenAPI has it. */
export interface PublishedOperation {
  method: string;
  path: string;
  /** Names of the query parameters. */
  query: string[];
  takesBody: boolean;
}

interface Described {
  parameters?: { in: string; name: string }[];
  requestBody?: unknown;
}

/** All endpoints of a service that runs, so that a test over all of them has the new ones as well. */
export async function publishedOperations(url: string): Promise<PublishedOperation[]> {
  const answer = await fetch(`${url}/docs-json`);
  const { paths } = (await answer.json()) as { paths: Record<string, Record<string, Described>> };
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [], requestBody }]) => ({
      method: method.toUpperCase(),
      path,
      query: parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name),
      takesBody: requestBody !== undefined,
    })),
  );
}

const PARAMETER = /([\w-]+)\/(\{\w+\})/g;

/** The parameters of a path, each with the collection that it is of: `rules/{id}`. */
export const parametersOf = (path: string): string[] => [...path.matchAll(PARAMETER)].map(([whole]) => whole);

/** The path with a value for each parameter. Throws for one that the test knows no value of, e.g. of a new endpoint. */
export const pathWith = (path: string, values: Readonly<Record<string, string>>): string =>
  path.replace(PARAMETER, (parameter, collection: string) => {
    const value = values[parameter];
    if (value === undefined) throw new Error(`${path}: this test has no value for ${parameter}; give it one`);
    return `${collection}/${encodeURIComponent(value)}`;
  });
