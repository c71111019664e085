import fc from 'fast-check';
import { Client } from 'pg';
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

describe('binary array parameters', () => {
  // PostgreSQL stores neither NUL nor half of a surrogate pair.
  const text = fc.string({ unit: 'binary' }).map((value) => value.toWellFormed().replaceAll('\0', ''));

  it('bring every text as it is, in its place', async () => {
    const read = async (texts: (string | null)[]): Promise<unknown> => {
      const { rows } = await client.query<{ texts: unknown }>({
        name: 'texts',
        text: 'SELECT array(SELECT t FROM unnest($1::text[]) WITH ORDINALITY AS u (t, n) ORDER BY n) AS texts',
        values: [textArray(texts)],
      });
      return rows[0]?.texts;
    };
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(text)), async (texts) => {
        expect(await read(texts)).toEqual(texts);
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
