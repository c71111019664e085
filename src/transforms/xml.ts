import { XMLBuilder } from 'fast-xml-parser';
import { isJsonObject, type Json, type JsonObject } from '../kernel/json';
import { TransformFailure } from './failure';

const builder = new XMLBuilder({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  textNodeName: '#text',
  suppressEmptyNode: true,
  suppressBooleanAttributes: false,
  processEntities: true,
});

const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n';
const NAME = /^[\p{L}_][\p{L}\p{N}_.-]*(:[\p{L}_][\p{L}\p{N}_.-]*)?$/u;
/** What XML 1.0 cannot carry in any spelling. */
const UNSPEAKABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;

/**
 * An object with one key whose value is no list is its own root element; everything else stands in `<root>`.
 * `@name` is an attribute, `#text` the text beside attributes, a list repeats its element.
 */
export function toXml(value: Json): string {
  const document = rooted(value);
  check(document, '');
  return `${DECLARATION}${builder.build(textual(document))}`;
}

function rooted(value: Json): JsonObject {
  if (Array.isArray(value)) return { root: { item: value } };
  if (!isJsonObject(value)) return { root: value };
  const [only, ...more] = Object.entries(value);
  const isRoot = only !== undefined && more.length === 0 && NAME.test(only[0]) && !Array.isArray(only[1]);
  return isRoot ? value : { root: value };
}

/** The builder writes names as they are, so that a key could smuggle in elements. */
function check(value: Json, at: string): void {
  if (typeof value === 'string' && UNSPEAKABLE.test(value)) {
    throw new TransformFailure(`${at || 'the text'} contains a control character, which XML cannot carry`);
  }
  if (Array.isArray(value)) for (const item of value) check(item, at);
  if (!isJsonObject(value)) return;
  for (const [name, field] of Object.entries(value)) {
    const bare = name.startsWith('@') ? name.slice(1) : name;
    if (name !== '#text' && !NAME.test(bare)) {
      throw new TransformFailure(`${JSON.stringify(name)} is not a name that XML allows; map it to another`);
    }
    if (name.startsWith('@') && typeof field === 'object' && field !== null) {
      throw new TransformFailure(`${name} is an attribute and must be a text, a number or a boolean`);
    }
    check(field, at === '' ? name : `${at}.${name}`);
  }
}

/** Lists in lists have no element of their own in XML: they stand in `<item>`. Texts become well-formed. */
function textual(value: Json): Json {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value))
    return value.map((item) => (Array.isArray(item) ? { item: textual(item) } : textual(item)));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => !(Array.isArray(field) && field.length === 0))
      .map(([name, field]) => [name, textual(field)]),
  );
}
