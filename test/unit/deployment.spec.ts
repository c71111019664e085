import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { readConfiguration, ROLES, VARIABLE_NAMES } from '../../src/app/configuration';

const ROOT = join(__dirname, '..', '..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** The documents of a file; what the parser only warns of is a fault here. */
function documents<Document>(path: string): Document[] {
  return parseAllDocuments(read(path), { merge: true }).map((document) => {
    const [fault] = [...document.errors, ...document.warnings];
    if (fault !== undefined) throw fault;
    return document.toJS() as Document;
  });
}

const filesIn = (folder: string, ending: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true })
    .map((name) => `${folder}/${String(name)}`)
    .filter((name) => name.endsWith(ending));

/** What an administrator sets before the first start. */
const SET: Record<string, string> = {
  POSTGRES_PASSWORD: 'a0b1',
  ENCRYPTION_KEYS: Buffer.alloc(32, 7).toString('base64'),
  BOOTSTRAP_ADMIN_KEY: `zk_${'0'.repeat(32)}`,
  METRICS_TOKEN: 'f'.repeat(64),
  RABBITMQ_PASSWORD: 'c2d3',
  GRAFANA_PASSWORD: 'e4f5',
};

describe('docker-compose.yml', () => {
  interface Service {
    environment?: Record<string, string>;
    volumes?: string[];
    stop_grace_period?: string;
    secrets?: string[];
    user?: string;
    read_only?: boolean;
  }
  const [compose] = documents<{ services: Record<string, Service>; secrets: Record<string, object> }>(
    'docker-compose.yml',
  );
  const services = Object.entries(compose?.services ?? {});
  const own = services.filter(([, { environment }]) => environment?.['ROLE'] !== undefined);

  /** As Compose does it: `${NAME:-default}` and `${NAME:?why}`. */
  const interpolated = (text: string): string =>
    text.replace(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_all, name: string, kind?: string, rest?: string) => {
      const value = SET[name] ?? (kind === '-' ? rest : undefined);
      if (value === undefined) throw new Error(`${name} has no value`);
      return value;
    });

  it('has the service in each role', () => {
    expect(own.map(([name, { environment }]) => [name, environment?.['ROLE']])).toEqual([
      ['api', 'api'],
      ['worker', 'worker'],
      ['scheduler', 'scheduler'],
    ]);
  });

  it.each(own)('gives %s an environment that it can start with', (_name, { environment = {} }) => {
    const env = Object.fromEntries(
      Object.entries(environment).map(([key, value]) => [key, interpolated(value)]),
    );
    expect(Object.keys(env).filter((key) => !VARIABLE_NAMES.includes(key))).toEqual([]);
    expect(readConfiguration(env).ROLE).toBe(environment['ROLE']);
  });

  it.each(own)('lets %s write nothing and end in peace', (_name, { read_only, stop_grace_period = '' }) => {
    expect(read_only).toBe(true);
    const grace = readConfiguration({}).WORKER_GRACEFUL_SHUTDOWN_TIMEOUT;
    expect(Number.parseInt(stop_grace_period, 10)).toBeGreaterThan(grace);
  });

  it('names at its head what has to be set, and nothing else', () => {
    const page = read('docker-compose.yml');
    const named = [...page.matchAll(/^# {3}export (\w+)=/gm)].map(([, name]) => name);
    const required = [...page.matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name);
    expect(named.sort()).toEqual([...new Set(required)].sort());
    expect(named.sort()).toEqual(Object.keys(SET).sort());
  });

  it('mounts files that are there', () => {
    const mounted = services.flatMap(([, { volumes = [] }]) =>
      volumes.flatMap((volume) => (volume.startsWith('./') ? (volume.split(':')[0] ?? '') : [])),
    );
    expect(mounted.length).toBeGreaterThan(0);
    expect(mounted.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it('has Prometheus ask every process of the service, with the token', () => {
    interface Prometheus {
      scrape_configs: {
        authorization: { credentials_file: string };
        dns_sd_configs: { names: string[]; port: number }[];
      }[];
    }
    const [scrape] = documents<Prometheus>('deploy/prometheus/prometheus.yml')[0]?.scrape_configs ?? [];
    const [names] = scrape?.dns_sd_configs ?? [];
    expect(names).toMatchObject({ names: own.map(([name]) => name), port: readConfiguration({}).API_PORT });
    const secrets = compose?.services['prometheus']?.secrets ?? [];
    expect(secrets.map((name) => `/run/secrets/${name}`)).toEqual([scrape?.authorization.credentials_file]);
  });
});

describe('Dockerfile', () => {
  const lines = read('Dockerfile').split('\n');

  it('copies what is there and what .dockerignore lets through', () => {
    const copied = lines.flatMap((line) => {
      const [command, ...paths] = line.split(' ');
      return command === 'COPY' && !line.includes('--from=') ? paths.slice(0, -1) : [];
    });
    const passed = [...read('.dockerignore').matchAll(/^!(.+)$/gm)].map(([, path]) => path);
    expect(copied.sort()).toEqual(passed.sort());
    expect(copied.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it('runs as nobody in particular, with Node.js that the service supports', () => {
    expect(lines).toContain('USER 1000:1000');
    const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } };
    const major = /^ARG NODE_IMAGE=node:(\d+)/m.exec(read('Dockerfile'))?.[1];
    expect(engines.node).toMatch(new RegExp(`^>=${major}\\.`));
  });
});

describe('deploy/kubernetes', () => {
  interface Probe {
    httpGet: { path: string; port: string };
  }
  interface Container {
    image: string;
    env: { name: string; value: string }[];
    envFrom: { configMapRef?: { name: string }; secretRef?: { name: string } }[];
    ports: { name: string; containerPort: number }[];
    startupProbe: Probe;
    livenessProbe: Probe;
    readinessProbe: Probe;
    securityContext: object;
  }
  interface Resource {
    kind: string;
    metadata: { name: string };
    spec: {
      selector?: object;
      podSelector?: { matchLabels: Record<string, string> };
      scaleTargetRef?: { name: string };
      template?: {
        metadata: { labels: Record<string, string> };
        spec: {
          containers: [Container];
          securityContext: object;
          terminationGracePeriodSeconds: number;
          automountServiceAccountToken: boolean;
        };
      };
    };
  }

  const FOLDER = 'deploy/kubernetes';
  const [kustomization] = documents<{
    resources: string[];
    configMapGenerator: { name: string; envs: [string] }[];
    images: { name: string; newTag: string }[];
  }>(`${FOLDER}/kustomization.yaml`);
  const resources = (kustomization?.resources ?? []).flatMap((file) =>
    documents<Resource>(`${FOLDER}/${file}`),
  );
  const deployments = resources.flatMap(({ kind, metadata, spec }) =>
    kind === 'Deployment' && spec.template !== undefined
      ? [[metadata.name, { ...spec.template.spec, ...spec.template.metadata }] as const]
      : [],
  );
  const settings = Object.fromEntries(
    [...read(`${FOLDER}/distributor.env`).matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name = '', value = '']) => [
      name,
      value,
    ]),
  );
  /** `kubectl create secret` of the documentation. */
  const secrets = [...read('docs/deployment.md').matchAll(/--from-literal=([A-Z_]+)=/g)].map(
    ([, name]) => name ?? '',
  );

  it('applies every file that it has', () => {
    const beside = ['kustomization.yaml', 'prometheus-adapter-values.yaml'];
    const there = filesIn(FOLDER, '.yaml').map((path) => path.slice(FOLDER.length + 1));
    expect(there.filter((name) => !beside.includes(name)).sort()).toEqual(
      [...(kustomization?.resources ?? [])].sort(),
    );
    const { version } = JSON.parse(read('package.json')) as { version: string };
    expect(kustomization?.images).toMatchObject([{ name: 'distributor', newTag: version }]);
  });

  it('has a deployment for each role, settings and secrets together make a configuration', () => {
    const roles = deployments.map(
      ([, { containers }]) => containers[0].env.find(({ name }) => name === 'ROLE')?.value,
    );
    expect(roles).toEqual(ROLES.filter((role) => role !== 'all'));
    expect([...Object.keys(settings), ...secrets].filter((name) => !VARIABLE_NAMES.includes(name))).toEqual(
      [],
    );
    const values = Object.fromEntries(secrets.map((name) => [name, SET[name] ?? '']));
    expect(readConfiguration({ ...settings, ...values, DATABASE_URL: 'postgres://db' })).toBeDefined();
    expect(secrets).toEqual(expect.arrayContaining(['DATABASE_URL', 'ENCRYPTION_KEYS', 'METRICS_TOKEN']));
  });

  it.each(deployments)(
    'probes of %s ask what the service answers, where it listens',
    (_name, { containers }) => {
      const { paths } = JSON.parse(read('docs/openapi.json')) as { paths: Record<string, object> };
      const [container] = containers;
      expect(container.ports).toEqual([{ name: 'http', containerPort: readConfiguration({}).API_PORT }]);
      for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe'] as const) {
        const { path, port } = container[probe].httpGet;
        expect([Object.keys(paths).includes(path), port]).toEqual([true, 'http']);
      }
    },
  );

  it.each(deployments)('gives %s time to end, and few rights', (_name, pod) => {
    const [container] = pod.containers;
    const own = Object.fromEntries(container.env.map(({ name, value }) => [name, value]));
    const all = readConfiguration({ ...settings, ...own });
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(all.WORKER_GRACEFUL_SHUTDOWN_TIMEOUT);
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(all.API_DRAIN_SECONDS);
    expect(pod.automountServiceAccountToken).toBe(false);
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000 });
    expect(container.securityContext).toEqual({
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
    });
    expect(container.envFrom).toEqual([
      { configMapRef: { name: kustomization?.configMapGenerator[0]?.name } },
      { secretRef: { name: 'distributor' } },
    ]);
  });

  it('selects pods that there are', () => {
    const labels = deployments.map(([, pod]) => pod.labels);
    const selectors = resources.flatMap(({ kind, spec }) => {
      if (kind === 'Service') return [spec.selector as Record<string, string>];
      if (kind === 'PodDisruptionBudget' || kind === 'Deployment')
        return [(spec.selector as { matchLabels: Record<string, string> }).matchLabels];
      return spec?.podSelector === undefined ? [] : [spec.podSelector.matchLabels];
    });
    const lost = selectors.filter(
      (selector) =>
        !labels.some((one) => Object.entries(selector).every(([key, value]) => one[key] === value)),
    );
    expect([selectors.length > 0, lost]).toEqual([true, []]);
    const scaled = resources.flatMap(({ spec }) => spec?.scaleTargetRef?.name ?? []);
    expect(scaled).toEqual(['distributor-api', 'distributor-worker']);
    expect(deployments.map(([name]) => name)).toEqual(expect.arrayContaining(scaled));
  });
});

describe('deploy', () => {
  const files = [...filesIn('deploy', '.yml'), ...filesIn('deploy', '.yaml')];

  it.each(files)('%s is YAML', (path) => {
    expect(documents(path).length).toBeGreaterThan(0);
  });
});
