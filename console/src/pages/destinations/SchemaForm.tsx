import { useState } from 'react';
import { text } from '../../text';
import { Field } from './Field';
import { type Schema } from './schema';

export type Values = Record<string, unknown>;

interface SchemaFormProps {
  schema: Schema;
  values: Values;
  onChange: (values: Values) => void;
  /** Where these fields stand in what is sent: `configuration.auth`. */
  path: string;
  /** What the service says of a field, by its path. */
  issues: ReadonlyMap<string, string>;
  /** False: the object may be absent as a whole, and then it needs none of its fields. */
  needed?: boolean;
}

/** The fields of an object: what is needed or said first, the rest on request. */
export function SchemaForm({ schema, values, onChange, path, issues, needed = true }: SchemaFormProps) {
  const required = new Set(schema.required ?? []);
  const fields = Object.entries(schema.properties ?? {}).filter(([, field]) => field.const === undefined);
  // Decided once: a field must not move away under the hands of whoever fills it.
  const [said] = useState(() => new Set(Object.keys(values)));
  const change = (name: string, value: unknown): void => {
    const { [name]: _before, ...others } = values;
    onChange(value === undefined ? others : { ...others, [name]: value });
  };
  const field = ([name, of]: [string, Schema]) => (
    <Field
      key={name}
      name={name}
      schema={of}
      value={values[name]}
      onChange={(value) => change(name, value)}
      required={needed && required.has(name)}
      path={`${path}.${name}`}
      issues={issues}
    />
  );
  const isFirst = ([name]: [string, Schema]): boolean => required.has(name) || said.has(name);
  const first = fields.filter(isFirst);
  const others = fields.filter((one) => !isFirst(one));
  if (first.length === 0) return <div className="fields">{others.map(field)}</div>;
  const places = others.map(([name]) => `${path}.${name}`);
  const isAtFault = [...issues.keys()].some((issue) => places.some((place) => issue.startsWith(place)));
  return (
    <div className="fields">
      {first.map(field)}
      {others.length > 0 && (
        <details open={isAtFault}>
          <summary>{text.destinations.optional}</summary>
          <div className="fields">{others.map(field)}</div>
        </details>
      )}
    </div>
  );
}
