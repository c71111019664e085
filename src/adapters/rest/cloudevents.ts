import { gunzipSync, gzipSync } from 'node:zlib';
import { type Delivery } from '../port';

/** The attributes of a delivery as a CloudEvents 1.0 event; its id is the same for every attempt. */
function attributesOf(delivery: Delivery): [string, string][] {
  return [
    ['specversion', '1.0'],
    ['id', delivery.deliveryId],
    ['source', `/tenants/${encodeURIComponent(delivery.tenantId)}`],
    ['type', delivery.dataType],
    ['subject', delivery.distributionId],
    ['time', delivery.acceptedAt.toISOString()],
  ];
}

export const CLOUDEVENTS_HEADERS: readonly string[] = [
  'ce-specversion',
  'ce-id',
  'ce-source',
  'ce-type',
  'ce-subject',
  'ce-time',
];

/** Binary mode of the HTTP binding (3.1): the body stays as it is. */
export const attributeHeaders = (delivery: Delivery): string[] =>
  attributesOf(delivery).flatMap(([name, value]) => [`ce-${name}`, headerText(value)]);

/** What stays and what is percent-encoded, as 3.1.3.2 says. */
const headerText = (value: string): string =>
  value
    .replace(/\p{Surrogate}/gu, '\uFFFD')
    .replace(/[^\x21-\x7e]|["%]/gu, (character) => encodeURIComponent(character));

/** Structured mode (3.2): one JSON document; what is not JSON stands in it as `data_base64`. */
export function structuredEvent(delivery: Delivery): Buffer {
  const packed = delivery.contentEncoding === 'gzip';
  const body = packed ? gunzipSync(delivery.body) : delivery.body;
  const attributes = JSON.stringify({
    ...Object.fromEntries(attributesOf(delivery)),
    datacontenttype: delivery.contentType,
  });
  const head = Buffer.from(attributes.slice(0, -1));
  const event = isJson(delivery.contentType)
    ? Buffer.concat([head, Buffer.from(',"data":'), body, Buffer.from('}')])
    : Buffer.concat([head, Buffer.from(`,"data_base64":"${body.toString('base64')}"}`)]);
  return packed ? gzipSync(event) : event;
}

const isJson = (contentType: string): boolean => /^[^;]*[/+]json *(;|$)/i.test(contentType);
