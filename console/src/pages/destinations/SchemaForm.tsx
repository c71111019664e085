import { Fieldset } from '@mantine/core';
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
}

/** The fields of an object: what is needed or said first, the rest on request. */
export function SchemaForm({ schema, values, onChange, path, issues }: SchemaFormProps) {
  const required = new Set(schema.required ?? []);
  const fields = Object.entries(schema.properties ?? {}).filter(([, field]) => field.const === undefined);
  const isFirst = (name: string): boolean =>
    required.has(name) || isSaid(values[name]) || issues.has(`${path}.${name}`);
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
      required={required.has(name)}
      path={`${path}.${name}`}
      issues={issues}
    />
  );
  const first = fields.filter(([name]) => isFirst(name));
  const others = fields.filter(([name]) => !isFirst(name));
  return (
    <div className="fields">
      {first.map(field)}
      {others.length > 0 &&
        (first.length > 0 ? (
          <details>
            <summary>{text.destinations.optional}</summary>
            <Fieldset variant="unstyled" className="fields">
              {others.map(field)}
            </Fieldset>
          </details>
        ) : (
          others.map(field)
        ))}
    </div>
  );
}

/** Empty texts and objects are said as well: somebody may be about to fill them. */
const isSaid = (value: unknown): boolean => value !== undefined;
