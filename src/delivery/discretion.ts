import { Capture } from '../adapters/capture';
import { isJsonObject, type Json, type JsonObject } from '../kernel/json';
import { payloadPlace } from '../kernel/places';
import { type SecretBox } from '../kernel/secret-box';
import { type TransformCatalogue } from '../tenants/transform-catalogue';
import { sensitiveValues } from '../transforms/filters';
import { type ClaimedDelivery } from './claim';
import { type Decision } from './decide';
import { type Result } from './record';

interface DiscretionParts {
  box: SecretBox;
  transforms: Pick<TransformCatalogue, 'schemaOf'>;
}

/** The stored payload as it was submitted. */
export function openPayload(
  box: SecretBox,
  { payload, tenant_id, options }: Pick<ClaimedDelivery, 'payload' | 'tenant_id' | 'options'>,
): string {
  if (options['encryption_required'] !== true) return payload;
  const { $sealed } = JSON.parse(payload) as { $sealed: string };
  return box.open($sealed, payloadPlace(tenant_id));
}

/**
 * An attempt as it may be kept: a payload that is encrypted at rest does not come back as its receiver's answer, nor
 * a value of it in the words of an error; of other payloads, what their data type marks `x-sensitive` stays out of a
 * failure's words.
 */
export async function discreet(parts: DiscretionParts, result: Result): Promise<Result> {
  const { claimed, decision } = result;
  // Settled without a look at the payload, which may be sealed with a key that is gone.
  if (result.startedAt === undefined && result.log.length === 0) return result;
  if (claimed.options['encryption_required'] === true) {
    const payload = JSON.parse(openPayload(parts.box, claimed)) as JsonObject;
    const hidden = hideIn(result, textsIn(payload));
    const { response } = hidden;
    return { ...hidden, response: response === undefined ? undefined : { ...response, body: undefined } };
  }
  if (!('code' in decision)) return result;
  const schema = await parts.transforms.schemaOf(claimed.tenant_id, claimed.data_type);
  if (schema === null) return result;
  const texts = sensitiveValues(JSON.parse(claimed.payload) as JsonObject, schema).flatMap(textsIn);
  return texts.length === 0 ? result : hideIn(result, texts);
}

function hideIn(result: Result, texts: readonly string[]): Result {
  const capture = new Capture(Infinity, texts);
  const hide = (text: string): string => capture.hide(text);
  const { response, log, disables } = result;
  return {
    ...result,
    decision: hideInDecision(result.decision, hide),
    response: response?.body === undefined ? response : { ...response, body: hide(response.body) },
    log: log.map((line) => ({ ...line, message: hide(line.message) })),
    disables: disables === undefined ? undefined : hide(disables),
  };
}

const hideInDecision = (decision: Decision, hide: (text: string) => string): Decision =>
  'message' in decision ? { ...decision, message: hide(decision.message) } : decision;

/** Every text and every number, as it would be quoted. */
function textsIn(value: Json): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value === 'number') return [String(value)];
  if (Array.isArray(value)) return value.flatMap(textsIn);
  return isJsonObject(value) ? Object.values(value).flatMap(textsIn) : [];
}
