import { NativeSelect, NumberInput, PasswordInput, Textarea, TextInput } from '@mantine/core';
import { useState } from 'react';
import { text } from '../../text';
import { constOf, kindOf, linesOf, MASK, type Schema } from './schema';
import { MapField } from './MapField';
import { SchemaForm, type Values } from './SchemaForm';

export interface FieldProps {
  name: string;
  schema: Schema;
  value: unknown;
  /** Undefined takes the field away. */
  onChange: (value: unknown) => void;
  required: boolean;
  path: string;
  issues: ReadonlyMap<string, string>;
}

/** One field of a configuration, in the form that its schema asks for. */
export function Field(props: FieldProps) {
  switch (kindOf(props.schema)) {
    case 'secret':
      return <SecretField {...props} />;
    case 'choice':
      return <ChoiceField {...props} />;
    case 'select':
    case 'flag':
      return <SelectField {...props} />;
    case 'number':
      return <NumberField {...props} />;
    case 'text':
    case 'long':
      return <TextField {...props} />;
    case 'lines':
      return <LinesField {...props} />;
    case 'map':
      return <MapField {...props} />;
    case 'group':
      return <GroupField {...props} />;
    case 'json':
      return <AnyField {...props} />;
  }
}

const about = ({ name, schema, required, path, issues }: FieldProps) => ({
  label: name,
  description: schema.description,
  required,
  error: issues.get(path),
});

const orAbsent = (value: string): string | undefined => (value === '' ? undefined : value);

function TextField(props: FieldProps) {
  const { value, onChange, schema } = props;
  const shared = {
    ...about(props),
    value: typeof value === 'string' ? value : '',
    onChange: (event: { currentTarget: { value: string } }) => onChange(orAbsent(event.currentTarget.value)),
  };
  return kindOf(schema) === 'long' ? (
    <Textarea autosize maxRows={12} {...shared} />
  ) : (
    <TextInput {...shared} />
  );
}

/** What is kept is never shown; untouched, it stays. */
function SecretField(props: FieldProps) {
  const { value, onChange } = props;
  const [wasKept] = useState(value === MASK);
  if (typeof value === 'object') return <AnyField {...props} />;
  return (
    <PasswordInput
      {...about(props)}
      autoComplete="new-password"
      required={props.required && !wasKept}
      placeholder={wasKept ? text.destinations.secretKept : ''}
      value={value === MASK || typeof value !== 'string' ? '' : value}
      onChange={(event) => onChange(orAbsent(event.currentTarget.value) ?? (wasKept ? MASK : undefined))}
    />
  );
}

function SelectField(props: FieldProps) {
  const { schema, value, onChange, required } = props;
  const isFlag = schema.enum === undefined;
  const choices = isFlag
    ? [
        { value: 'true', label: text.destinations.yes },
        { value: 'false', label: text.destinations.no },
      ]
    : (schema.enum as string[]).map((one) => ({ value: one, label: one }));
  return (
    <NativeSelect
      {...about(props)}
      data={[{ value: '', label: required ? text.destinations.choose : text.destinations.unset }, ...choices]}
      value={typeof value === 'string' || typeof value === 'boolean' ? String(value) : ''}
      onChange={(event) => {
        const chosen = orAbsent(event.currentTarget.value);
        onChange(isFlag && chosen !== undefined ? chosen === 'true' : chosen);
      }}
    />
  );
}

function NumberField(props: FieldProps) {
  const { schema, value, onChange } = props;
  return (
    <NumberInput
      {...about(props)}
      {...(schema.minimum === undefined ? {} : { min: schema.minimum })}
      {...(schema.maximum === undefined ? {} : { max: schema.maximum })}
      allowDecimal={schema.type !== 'integer'}
      hideControls
      value={typeof value === 'number' ? value : ''}
      onChange={(typed) => onChange(typeof typed === 'number' ? typed : undefined)}
    />
  );
}

function LinesField(props: FieldProps) {
  const { schema, value, onChange } = props;
  const [typed, setTyped] = useState(() => [(value ?? []) as string | (string | number)[]].flat().join('\n'));
  return (
    <Textarea
      {...about(props)}
      description={`${schema.description ?? ''} ${text.destinations.linesHint}.`}
      autosize
      minRows={2}
      value={typed}
      onChange={(event) => {
        const input = event.currentTarget.value;
        setTyped(input);
        const lines = linesOf(input, schema.items);
        const isOne = lines.length === 1 && [schema.type].flat().includes('string');
        onChange(lines.length === 0 ? undefined : isOne ? lines[0] : lines);
      }}
    />
  );
}

/** Alternatives that name themselves in `type`. */
function ChoiceField(props: FieldProps) {
  const { name, schema, value, onChange, path, issues } = props;
  const branches = schema.oneOf ?? [];
  const values = (value ?? {}) as Values;
  const branch = branches.find((one) => constOf(one) === values['type']);
  return (
    <div className="fields">
      <NativeSelect
        {...about(props)}
        data={[
          { value: '', label: text.destinations.unset },
          ...branches.map((one) => ({ value: constOf(one) ?? '', label: one.title ?? constOf(one) ?? '' })),
        ]}
        value={constOf(branch ?? {}) ?? ''}
        onChange={(event) => {
          const type = event.currentTarget.value;
          onChange(type === '' ? undefined : { type });
        }}
      />
      {branch !== undefined && Object.keys(branch.properties ?? {}).length > 1 && (
        <div className="nested" role="group" aria-label={name}>
          <SchemaForm
            key={constOf(branch)}
            schema={branch}
            values={values}
            onChange={onChange}
            path={path}
            issues={issues}
          />
        </div>
      )}
    </div>
  );
}

function GroupField({ name, schema, value, onChange, required, path, issues }: FieldProps) {
  return (
    <fieldset className="group">
      <legend>{name}</legend>
      {schema.description !== undefined && <p className="hint">{schema.description}</p>}
      <SchemaForm
        schema={schema}
        values={(value ?? {}) as Values}
        onChange={(values) => onChange(Object.keys(values).length === 0 ? undefined : values)}
        path={path}
        issues={issues}
        needed={required || value !== undefined}
      />
    </fieldset>
  );
}

/** As JSON, since the schema allows several forms. */
function AnyField(props: FieldProps) {
  const { value, onChange } = props;
  const [typed, setTyped] = useState(() => (value === undefined ? '' : JSON.stringify(value, null, 2)));
  const [fault, setFault] = useState<string>();
  return (
    <Textarea
      {...about(props)}
      error={fault ?? about(props).error}
      description={`${props.schema.description ?? ''} JSON.`}
      autosize
      classNames={{ input: 'mono' }}
      value={typed}
      onChange={(event) => {
        const input = event.currentTarget.value;
        setTyped(input);
        setFault(undefined);
        try {
          onChange(input.trim() === '' ? undefined : JSON.parse(input));
        } catch (error) {
          setFault(text.common.invalidJson((error as Error).message));
        }
      }}
    />
  );
}
