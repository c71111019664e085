import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseTransform } from '../../../src/transforms/transform';
import { Transformer } from '../../../src/transforms/transformer';

const PAGE = readFileSync(join(__dirname, '../../../docs/transforms.md'), 'utf8');

interface Block {
  info: string;
  line: number;
  text: string;
}

const blocks: Block[] = [...PAGE.matchAll(/^```(.+)\n([^]*?)^```$/gm)].map((block) => ({
  info: block[1] as string,
  line: PAGE.slice(0, block.index).split('\n').length,
  text: (block[2] as string).slice(0, -1),
}));
const payload = blocks.find(({ info }) => info === 'json payload')?.text ?? '';
/** Each transform with what stands below it. */
const examples = blocks.flatMap((block, index): [string, Block, Block][] => {
  const expected = blocks[index + 1];
  return block.info === 'json transform' && expected !== undefined
    ? [[`line ${block.line}: ${expected.info}`, block, expected]]
    : [];
});

describe('docs/transforms.md', () => {
  const transformer = new Transformer();
  afterAll(() => transformer.stop());

  it('has only examples that are run', () => {
    expect(blocks.length).toBe(1 + 2 * examples.length);
  });

  it.each(examples)('%s', async (_name, { text }, expected) => {
    const parsed = parseTransform(JSON.parse(text));
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
    const { filters } = parsed.value;
    const done = await transformer.run(
      'docs',
      { transform: parsed.value, filters, dataTypeSchema: null },
      payload,
    );
    if (expected.info === 'text failure') {
      expect(done).toMatchObject({ ok: false, message: expect.stringContaining(expected.text) as string });
    } else {
      const contentType = expected.info.replace('text output ', '');
      expect(done).toEqual({ ok: true, body: expect.anything() as string, contentType });
      expect(done.ok && done.body.replaceAll('\r\n', '\n').replace(/\n$/, '')).toBe(expected.text);
    }
  });
});
