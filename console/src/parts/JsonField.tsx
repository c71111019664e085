import { Textarea } from '@mantine/core';
import { text } from '../text';

export type JsonObject = Record<string, unknown>;

/** The object that a text is, or why it is none. */
export function readObject(input: string): { value: JsonObject } | { fault: string } {
  try {
    const value: unknown = JSON.parse(input);
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return { fault: text.common.mustBeObject };
    return { value: value as JsonObject };
  } catch (error) {
    return { fault: text.common.invalidJson((error as Error).message) };
  }
}

interface JsonFieldProps {
  label: string;
  description?: string;
  value: string;
  onChange: (value: string) => void;
  /** What the service says of this field. */
  error?: string | undefined;
  rows?: number;
}

export function JsonField({ label, description, value, onChange, error, rows = 8 }: JsonFieldProps) {
  const read = readObject(value);
  return (
    <Textarea
      label={label}
      description={description}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      error={'fault' in read ? read.fault : error}
      autosize
      minRows={rows}
      maxRows={30}
      spellCheck={false}
      classNames={{ input: 'mono' }}
    />
  );
}
