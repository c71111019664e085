import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { DELIVERY_ERROR_CODES } from '../../src/adapters/port';
import { readConfiguration, VARIABLE_NAMES } from '../../src/app/configuration';
import { UNSENT_CODES } from '../../src/delivery/decide';
import { API_ERRORS } from '../../src/kernel/errors';

const ROOT = join(__dirname, '..', '..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** README, CHANGELOG, SECURITY, the client's README and everything under docs/, relative to the root. */
function pages(): string[] {
  const inDocs = readdirSync(join(ROOT, 'docs'), { recursive: true }).map((name) => `docs/${String(name)}`);
  return [...readdirSync(ROOT), 'client/README.md', ...inDocs].filter((name) => name.endsWith('.md')).sort();
}

/** Fenced blocks and inline code hold examples, not links and headings. */
const prose = (page: string): string =>
  page
    .replace(/^(`{3,}|~{3,}).*\n[^]*?^\1$/gm, '')
    .replace(/`[^`\n]*`/g, (code) => code.replace(/[[\]]/g, ' '));

/** `../src/x.ts#y` of every link and picture that does not lead out of the repository. */
const linksOf = (page: string): string[] =>
  [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, to]) => to as string)
    .filter((to) => !/^[a-z]+:/.test(to));

/** As GitHub makes them of headings; a repeated one gets a number. */
function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading] of prose(page).matchAll(/^#{1,6} +(.+)$/gm)) {
    const plain = (heading as string)
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .trim();
    const slug = plain.replace(/[^\p{Letter}\p{Number}\s_-]/gu, '').replace(/\s/g, '-');
    let anchor = slug;
    for (let repeat = 1; anchors.has(anchor); repeat++) anchor = `${slug}-${repeat}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** Why a link leads nowhere, or undefined. */
function linkIssue(page: string, link: string): string | undefined {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : relative(ROOT, join(ROOT, dirname(page), path));
  if (target.startsWith('..') || !existsSync(join(ROOT, target))) return `${link}: there is no ${target}`;
  if (anchor === undefined || !target.endsWith('.md')) return undefined;
  return anchorsOf(read(target)).has(anchor) ? undefined : `${link}: ${target} has no such heading`;
}

describe('.env.example', () => {
  const lines = [...read('.env.example').matchAll(/^#?([A-Z][A-Z0-9_]*)=(.*)$/gm)];
  const entries = lines.map(([, name, value]) => [name as string, value as string] as const);

  it('has every variable of the configuration once, in its order, and no other', () => {
    expect(entries.map(([name]) => name)).toEqual(VARIABLE_NAMES);
  });

  it('shows the defaults', () => {
    expect(readConfiguration(Object.fromEntries(entries))).toEqual(readConfiguration({}));
  });

  it('says above each variable what it is for', () => {
    const page = read('.env.example').split('\n');
    const silent = page.filter(
      (line, at) => /^#?[A-Z][A-Z0-9_]*=/.test(line) && !/^# [^-]/.test(page[at - 1] ?? ''),
    );
    expect(silent).toEqual([]);
  });
});

describe('docs/errors.md', () => {
  /** Code headings under each chapter. */
  const chapters = new Map(
    read('docs/errors.md')
      .split(/^## /m)
      .slice(1)
      .map((text): [string, string[]] => [
        text.slice(0, text.indexOf('\n')),
        [...text.matchAll(/^### ([A-Z_]+)\b/gm)].map(([, code]) => code as string),
      ]),
  );

  it.each<[string, readonly string[]]>([
    ['Errors of the API', Object.keys(API_ERRORS)],
    ['Errors of an attempt', DELIVERY_ERROR_CODES],
    ['Without an attempt', UNSENT_CODES],
  ])('has one paragraph for each code under "%s", and no other', (chapter, codes) => {
    expect([...(chapters.get(chapter) ?? [])].sort()).toEqual([...codes].sort());
  });
});

describe('docs/operations.md', () => {
  const page = read('docs/operations.md');
  const source = (folder: string): string =>
    readdirSync(join(ROOT, folder), { recursive: true })
      .map(String)
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'))
      .map((name) => read(`${folder}/${name}`))
      .join('\n');
  /** What code names and the page does not, in backquotes. */
  const missing = (code: string, name: RegExp): string[] => {
    const names = [...code.matchAll(name)].map(([, found]) => found as string);
    expect(names).not.toEqual([]);
    return names.filter((found) => !page.includes(`\`${found}\``));
  };

  it('names every duty', () => {
    const duty = /(?:stepwise\(|SQL_REQUESTS = |name: )'([^']+)'(?:;|,(?=\s+everySeconds| [A-Z]))/g;
    expect(missing(source('src/upkeep'), duty)).toEqual([]);
  });

  it('names every metric', () => {
    expect(missing(source('src/observability'), /name: '(zenia_[a-z_]+)'/g)).toEqual([]);
  });

  it('names every line of the log', () => {
    const line = /log(?:\.\w+|\[[^\n]+\])\([^;]*?'([a-zA-Z_]+(?: [^']*)?)',?\s*\)/g;
    expect(missing(source('src/app'), line)).toEqual([]);
  });
});

describe('links', () => {
  it.each(pages())('of %s lead somewhere inside the repository', (page) => {
    const issues = linksOf(read(page)).flatMap((link) => linkIssue(page, link) ?? []);
    expect(issues).toEqual([]);
  });

  it('reach every page of docs/ from the README', () => {
    const reached = new Set(['README.md']);
    for (const page of reached) {
      for (const link of linksOf(read(page))) {
        const target = relative(ROOT, join(ROOT, dirname(page), link.split('#')[0] ?? ''));
        if (target.endsWith('.md') && existsSync(join(ROOT, target))) reached.add(target);
      }
    }
    expect(pages().filter((page) => page.startsWith('docs/') && !reached.has(page))).toEqual([]);
  });
});
