import { type Json } from '../../kernel/json';
import { type Delivery } from '../port';
import { attributeHeaders, structuredEvent } from './cloudevents';
import { type BodyFormat } from './schema';

/** What goes over the wire, and how it is labelled. */
export interface RequestBody {
  bytes: Buffer;
  contentType: string | undefined;
  contentEncoding: 'gzip' | undefined;
  /** Further headers that belong to the format, as undici's flat list. */
  headers?: readonly string[];
}

const NOTHING: RequestBody = { bytes: Buffer.alloc(0), contentType: undefined, contentEncoding: undefined };

/** The body of a request. Form and multipart are made of the payload: nested values become JSON text. */
export function requestBody(format: BodyFormat, delivery: Delivery): RequestBody {
  switch (format) {
    case 'as_is':
      return {
        bytes: delivery.body,
        contentType: delivery.contentType,
        contentEncoding: delivery.contentEncoding,
      };
    case 'form':
      return form(delivery);
    case 'multipart':
      return multipart(delivery);
    case 'none':
      return NOTHING;
    case 'cloudevents_binary':
      return {
        ...requestBody('as_is', delivery),
        headers: attributeHeaders(delivery),
      };
    case 'cloudevents_structured':
      return {
        bytes: structuredEvent(delivery),
        contentType: 'application/cloudevents+json; charset=utf-8',
        contentEncoding: delivery.contentEncoding,
      };
  }
}

const fieldText = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value));

function form(delivery: Delivery): RequestBody {
  const fields = Object.entries(delivery.payload).map(([name, value]): [string, string] => [
    name,
    fieldText(value),
  ]);
  return {
    bytes: Buffer.from(new URLSearchParams(fields).toString()),
    contentType: 'application/x-www-form-urlencoded',
    contentEncoding: undefined,
  };
}

/** The boundary comes from the delivery, so that a repeat is the same bytes and a payload cannot know it. */
function multipart(delivery: Delivery): RequestBody {
  const boundary = `distributor-${delivery.deliveryId}`;
  const parts = Object.entries(delivery.payload).map(([name, value]) => {
    const type =
      typeof value === 'object' && value !== null ? 'application/json' : 'text/plain; charset=utf-8';
    const head = `content-disposition: form-data; name="${quoted(name)}"\r\ncontent-type: ${type}`;
    return `--${boundary}\r\n${head}\r\n\r\n${fieldText(value)}\r\n`;
  });
  return {
    bytes: Buffer.from(`${parts.join('')}--${boundary}--\r\n`),
    contentType: `multipart/form-data; boundary=${boundary}`,
    contentEncoding: undefined,
  };
}

/** As browsers write names in form-data (HTML living standard, "multipart/form-data encoding algorithm"). */
const quoted = (name: string): string =>
  name.replace(
    /["\r\n]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
