import { Button, Group, PasswordInput, TextInput } from '@mantine/core';
import { useState } from 'react';
import { text } from '../../text';
import { type FieldProps } from './Field';
import { MASK } from './schema';

interface Pair {
  key: number;
  name: string;
  value: string;
}

const pairsOf = (value: unknown): Pair[] =>
  Object.entries((value ?? {}) as Record<string, unknown>).map(([name, text_], key) => ({
    key,
    name,
    value: typeof text_ === 'string' ? text_ : JSON.stringify(text_),
  }));

/** Names and texts of the user's own, such as headers. A text that is kept secret is not shown. */
export function MapField({ name, schema, value, onChange }: FieldProps) {
  const [pairs, setPairs] = useState(() => pairsOf(value));
  const change = (next: Pair[]): void => {
    setPairs(next);
    const said = next.filter((pair) => pair.name !== '').map((pair) => [pair.name, readText(pair.value)]);
    onChange(said.length === 0 ? undefined : Object.fromEntries(said));
  };
  const replace = (key: number, part: Partial<Pair>): void =>
    change(pairs.map((pair) => (pair.key === key ? { ...pair, ...part } : pair)));
  return (
    <fieldset className="group">
      <legend>{name}</legend>
      {schema.description !== undefined && <p className="hint">{schema.description}</p>}
      {pairs.map((pair) => {
        const ofValue = {
          'aria-label': `${name} ${pair.name}: ${text.destinations.fieldValue}`,
          onChange: (event: { currentTarget: { value: string } }) =>
            replace(pair.key, { value: event.currentTarget.value }),
        };
        return (
          <Group key={pair.key} gap="xs" mb="xs" wrap="nowrap">
            <TextInput
              aria-label={`${name}: ${text.destinations.fieldName}`}
              placeholder={text.destinations.fieldName}
              value={pair.name}
              onChange={(event) => replace(pair.key, { name: event.currentTarget.value })}
            />
            {pair.value === MASK ? (
              <PasswordInput
                className="grow"
                value=""
                placeholder={text.destinations.secretKept}
                {...ofValue}
              />
            ) : (
              <TextInput
                className="grow"
                value={pair.value}
                placeholder={text.destinations.fieldValue}
                {...ofValue}
              />
            )}
            <Button variant="default" onClick={() => change(pairs.filter(({ key }) => key !== pair.key))}>
              {text.destinations.remove}
            </Button>
          </Group>
        );
      })}
      <Button
        variant="default"
        size="xs"
        onClick={() => setPairs([...pairs, { key: (pairs.at(-1)?.key ?? -1) + 1, name: '', value: '' }])}
      >
        {text.destinations.add}
      </Button>
    </fieldset>
  );
}

/** `{"env": "NAME"}` names a variable in place of a text. */
function readText(typed: string): unknown {
  return /^\{"env":"\w+"\}$/.test(typed) ? (JSON.parse(typed) as unknown) : typed;
}
