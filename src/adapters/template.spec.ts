import fc from 'fast-check';
import { type JsonObject } from '../kernel/json';
import { type DeliveryId, type DistributionId, type TenantId } from '../kernel/ids';
import {
  type Escape,
  escapeHeader,
  escapePathStep,
  escapeQuery,
  parseTemplate,
  type Rendered,
  type TemplateSource,
} from './template';

const source = (payload: JsonObject = {}): TemplateSource => ({
  tenantId: 'comune-roma' as TenantId,
  distributionId: 'dist-1' as DistributionId,
  dataType: 'ordinance',
  destinationName: 'archive',
  deliveryId: '0198-d' as DeliveryId,
  correlationId: 'corr/7',
  acceptedAt: new Date('2026-03-09T23:59:58.123+02:00'),
  payload,
});

const asIs: Escape = (value) => value;

function render(text: string, payload: JsonObject = {}, escape = asIs): Rendered {
  const parsed = parseTemplate(text, escape);
  if (!parsed.ok) throw new Error(parsed.issue);
  return parsed.template.render(source(payload));
}

function issueOf(text: string): string {
  const parsed = parseTemplate(text, asIs);
  return parsed.ok ? '' : parsed.issue;
}

describe('a template', () => {
  it('fills in what the job says', () => {
    const text =
      '{tenant_id}|{distribution_id}|{data_type}|{destination_name}|{delivery_id}|{correlation_id}';
    expect(render(text)).toEqual({ ok: true, value: 'comune-roma|dist-1|ordinance|archive|0198-d|corr/7' });
  });

  it('writes the acceptance of the job in UTC', () => {
    expect(render('{date:yyyy/MM/dd}-{date:HHmmss}Z')).toEqual({ ok: true, value: '2026/03/09-215958Z' });
  });

  it('reads the payload by path and index', () => {
    const payload = { a: { b: 'x' }, items: [{ n: 1 }, { n: 2.5 }], yes: true };
    expect(render('{payload.a.b}{payload.items.1.n}{payload.yes}', payload)).toEqual({
      ok: true,
      value: 'x2.5true',
    });
  });

  it('costs nothing without placeholders, and writes doubled braces once', () => {
    const parsed = parseTemplate('a{{b}}c', asIs);
    expect(parsed).toMatchObject({ ok: true, template: { constant: 'a{b}c' } });
  });

  it.each([
    '{payload.none}',
    '{payload.nul}',
    '{payload.object}',
    '{payload.list}',
    '{payload.toString}',
    '{payload.list.length}',
    '{payload.__proto__.x}',
  ])('does not guess a value for %s', (text) => {
    const payload = { nul: null, object: {}, list: [1] };
    expect(render(text, payload)).toMatchObject({
      ok: false,
      issue: expect.stringContaining(text) as string,
    });
  });

  it.each([
    ['{tenant}', 'unknown placeholder {tenant}'],
    ['{constructor}', 'unknown placeholder {constructor}'],
    ['{payload.}', 'unknown placeholder'],
    ['{payload}', 'unknown placeholder'],
    ['{date:YYYY}', 'date format "YYYY"'],
    ['{date:yyyy\r\nx}', 'date format'],
    ['{tenant_id', 'single {'],
    ['tenant_id}', 'single }'],
  ])('says at once what is wrong with %j', (text, issue) => {
    expect(issueOf(text)).toContain(issue);
  });
});

describe('a hostile value', () => {
  it.each([
    ['../../etc/passwd', '..%2F..%2Fetc%2Fpasswd'],
    ['a/b?c#d&e=f', 'a%2Fb%3Fc%23d%26e%3Df'],
    ['x\r\nHost: evil', 'x%0D%0AHost%3A%20evil'],
    [`'"\\;--`, '%27%22%5C%3B--'],
    ['%2e%2e', '%252e%252e'],
    ['città', 'citt%C3%A0'],
    ['\ud800', '%EF%BF%BD'],
  ])('%j stays one step of a path', (value, escaped) => {
    expect(render('/{payload.v}', { v: value }, escapePathStep)).toEqual({ ok: true, value: `/${escaped}` });
  });

  it.each(['', '.', '..'])('%j cannot be a step of a path', (value) => {
    expect(render('/x/{payload.v}/y', { v: value }, escapePathStep)).toMatchObject({ ok: false });
    expect(render('?v={payload.v}', { v: value }, escapeQuery)).toEqual({ ok: true, value: `?v=${value}` });
  });

  it('never leaves its place, whatever it is', () => {
    const value = fc.oneof(fc.string({ unit: 'binary' }), fc.string());
    fc.assert(
      fc.property(value, (v) => {
        const header = render('{payload.v}', { v }, escapeHeader);
        expect(header.ok && header.value).toMatch(/^[\x20-\x7e]*$/);
        const path = render('/a/{payload.v}/b', { v }, escapePathStep);
        if (!path.ok) return;
        expect(new URL(`http://h${path.value}`).pathname.split('/')).toHaveLength(4);
        expect(new URL(`http://h${path.value}`).pathname).toBe(path.value);
        expect(decodeURIComponent(path.value)).toBe(`/a/${v.replace(/\p{Surrogate}/gu, '\uFFFD')}/b`);
      }),
    );
  });

  it('becomes decodable ASCII in a header', () => {
    expect(render('{payload.v}', { v: 'a\r\nX-Evil: 1 é 100%' }, escapeHeader)).toEqual({
      ok: true,
      value: 'a%0D%0AX-Evil: 1 %C3%A9 100%25',
    });
  });
});
