import { type TenantId } from '../kernel/ids';
import { isJsonObject, type Json } from '../kernel/json';
import { type SecretBox } from '../kernel/secret-box';

/** A data subject by what jobs say of it, e.g. `payload.data.citizen.tax_code` is `RSSMRA80A01H501U`. */
export interface Subject {
  path: SubjectPath;
  value: string | number;
}

export interface SubjectPath {
  column: 'payload' | 'metadata';
  keys: readonly string[];
}

const PATH = /^(payload|metadata)((?:\.[^.]+)+)$/;

/** Undefined for a text that is no path: `payload` or `metadata`, then keys, dots between. */
export function parseSubjectPath(text: string): SubjectPath | undefined {
  const [, column, keys] = PATH.exec(text) ?? [];
  if (column === undefined || keys === undefined) return undefined;
  return { column: column as SubjectPath['column'], keys: keys.slice(1).split('.') };
}

export const subjectPathText = ({ column, keys }: SubjectPath): string => [column, ...keys].join('.');

/** Whether the document has this value at the path; a list on the way, or at its end, stands for each of its elements. */
export function holds(document: Json, keys: readonly string[], value: string | number): boolean {
  if (Array.isArray(document)) return document.some((item) => holds(item, keys, value));
  const [key, ...rest] = keys;
  if (key === undefined) return document === value;
  const child = isJsonObject(document) && Object.hasOwn(document, key) ? document[key] : undefined;
  return child !== undefined && holds(child, rest, value);
}

/** Stands for the subject in the audit log: the same for the same subject, and nobody without the key can try values. */
export const subjectHash = (box: SecretBox, tenantId: TenantId, { path, value }: Subject): Buffer =>
  box.hashes(JSON.stringify([tenantId, subjectPathText(path), value]))[0] as Buffer;
