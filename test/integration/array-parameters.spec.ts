import fc from 'fast-check';
import { Client } from 'pg';
import { arrayLiteral } from '../../src/database/array-literal';
import { jsonbArray, textArray } from '../../src/database/binary-array';
import { createDatabase, type TestDatabase } from '../support/postgres';

let database: TestDatabase;
let client: Client;

beforeAll(async () => {
  database = await createDatabase();
  client = new Client({ connectionString: database.url });
  await client.connect();
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

describe('array parameters', () => {
  // PostgreSQL stores neither NUL nor half of a surrogate pair.
  const text = fc.string({ unit: 'binary' }).map((value) => value.toWellFormed().replaceAll('\0', ''));

  it.each([
    ['literals', arrayLiteral],
    ['binary arrays', textArray],
  ])('bring every text as it is, in its place, as %s', async (_form, encoded) => {
    const read = async (texts: (string | null)[]): Promise<unknown> => {
      const { rows } = await client.query<{ texts: unknown }>({
        text: 'SELECT array(SELECT t FROM unnest($1::text[]) WITH ORDINALITY AS u (t, n) ORDER BY n) AS texts',
        values: [encoded(texts)],
      });
      return rows[0]?.texts;
    };
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(text)), async (texts) => {
        expect(await read(texts)).toEqual(texts);
      }),
    );
  });

  it.each(['', 'null', 'NULL', '{}', 'a,b', '"', '\\', ' ', 'è', "'"])(
    'bring the text %j as a literal',
    async (text) => {
      const { rows } = await client.query('SELECT $1::text[] AS texts', [arrayLiteral([text, null])]);
      expect(rows).toEqual([{ texts: [text, null] }]);
    },
  );

  it('bring numbers, times and bytes as literals', async () => {
    const { rows } = await client.query(
      'SELECT $1::float8[] AS numbers, $2::timestamptz[] AS times, $3::bytea[] AS bytes',
      [
        arrayLiteral([1, -2.5, 1e21, undefined]),
        arrayLiteral([new Date(7)]),
        arrayLiteral([Buffer.from([0, 255])]),
      ],
    );
    expect(rows).toEqual([
      { numbers: [1, -2.5, 1e21, null], times: [new Date(7)], bytes: [Buffer.from([0, 255])] },
    ]);
  });

  it('bring every time that both know', async () => {
    const times = fc.date({
      min: new Date('-004712-01-01'),
      max: new Date('+100000-01-01'),
      noInvalidDate: true,
    });
    await fc.assert(
      fc.asyncProperty(fc.array(times), async (given) => {
        const { rows } = await client.query<{ ms: number[] }>(
          `SELECT array(SELECT extract(epoch FROM t) * 1000
             FROM unnest($1::timestamptz[]) WITH ORDINALITY AS u (t, n) ORDER BY n)::float8[] AS ms`,
          [arrayLiteral([...given, new Date('0000-12-31T10:00:00Z'), new Date('0001-01-01T00:00:00Z')])],
        );
        expect(rows[0]?.ms).toEqual([
          ...given.map((time) => time.getTime()),
          -62135647200000,
          -62135596800000,
        ]);
      }),
    );
  });

  it('bring every JSON document as it is', async () => {
    const document = fc.dictionary(text, fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(null)));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(document)), async (documents) => {
        const { rows } = await client.query<{ document: unknown }>({
          name: 'documents',
          text: 'SELECT document FROM unnest($1::jsonb[]) WITH ORDINALITY AS u (document, n) ORDER BY n',
          values: [jsonbArray(documents.map((value) => (value === null ? null : JSON.stringify(value))))],
        });
        expect(rows.map((row) => row.document)).toEqual(documents.map((value) => value && { ...value }));
      }),
    );
  });

  it('are refused with a fault of the data where PostgreSQL cannot store the text', async () => {
    const query = { name: 'faulty', text: 'SELECT unnest($1::text[])', values: [textArray(['a\0b'])] };
    await expect(client.query(query)).rejects.toMatchObject({ code: '22021' });
  });
});
