import { Button, Group, NativeSelect, Textarea, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { ApiError } from '../../../../client/src/errors';
import { type DistributorClient } from '../../../../client/src/client';
import { type DestinationInput, type DestinationTypeList } from '../../../../client/src/types';
import { Failure } from '../../parts/Failure';
import { useClient } from '../../session-context';
import { text } from '../../text';
import { linesOf, type Schema } from './schema';
import { SchemaForm, type Values } from './SchemaForm';

export type DestinationType = DestinationTypeList['destination_types'][number];

interface DestinationFormProps {
  types: readonly DestinationType[];
  /** Of a registered destination; its name and protocol stay. */
  registered?: DestinationInput;
  save: (client: DistributorClient, input: DestinationInput) => Promise<unknown>;
  onSaved: (input: DestinationInput) => void;
  children?: ReactNode;
}

const HEALTH_CHECK: Schema = {
  type: 'object',
  properties: {
    health_check: {
      type: 'object',
      properties: {
        endpoint: { type: 'string', maxLength: 2048 },
        interval_seconds: { type: 'integer', minimum: 5, maximum: 86_400 },
        timeout_seconds: { type: 'integer', minimum: 1, maximum: 300 },
      },
    },
  },
};

const issuesOf = (error: unknown): ReadonlyMap<string, string> =>
  new Map(error instanceof ApiError ? error.details.map(({ field, issue }) => [field, issue]) : []);

export function DestinationForm({ types, registered, save, onSaved, children }: DestinationFormProps) {
  const [input, setInput] = useState<DestinationInput>(
    () => registered ?? { name: '', protocol: types[0]?.protocol ?? '', configuration: {} },
  );
  const client = useClient();
  const queries = useQueryClient();
  const { mutate, isPending, error } = useMutation({
    mutationFn: () => save(client, input),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['destinations'] });
      onSaved(input);
    },
  });
  const issues = issuesOf(error);
  const type = types.find(({ protocol }) => protocol === input.protocol);
  const set = (part: Partial<DestinationInput>): void => setInput({ ...input, ...part });
  return (
    <form
      className="fields"
      onSubmit={(event) => {
        event.preventDefault();
        mutate();
      }}
    >
      <NativeSelect
        label={text.destinations.protocol}
        data={types.map(({ protocol, name }) => ({ value: protocol, label: name }))}
        value={input.protocol}
        disabled={registered !== undefined}
        onChange={(event) => set({ protocol: event.currentTarget.value, configuration: {} })}
      />
      <About input={input} onChange={set} issues={issues} mayRename={registered === undefined} />
      <fieldset className="group">
        <legend>{text.destinations.configuration}</legend>
        <SchemaForm
          key={input.protocol}
          schema={type?.config_schema ?? {}}
          values={input.configuration as Values}
          onChange={(configuration) => set({ configuration })}
          path="configuration"
          issues={issues}
        />
      </fieldset>
      <SchemaForm
        schema={HEALTH_CHECK}
        values={{ health_check: input.health_check ?? {} }}
        onChange={(values) => set({ health_check: values['health_check'] ?? {} })}
        path=""
        issues={new Map([...issues].map(([field, issue]) => [`.${field}`, issue]))}
      />
      {error !== null && <Failure error={error} />}
      <Group>
        <Button type="submit" loading={isPending}>
          {text.common.save}
        </Button>
        {children}
      </Group>
    </form>
  );
}

interface AboutProps {
  input: DestinationInput;
  onChange: (part: Partial<DestinationInput>) => void;
  issues: ReadonlyMap<string, string>;
  mayRename: boolean;
}

/** What every destination has, whatever its protocol. */
function About({ input, onChange, issues, mayRename }: AboutProps) {
  const [tags, setTags] = useState(() => (input.tags ?? []).join('\n'));
  return (
    <>
      <TextInput
        label={text.destinations.name}
        description={text.destinations.nameHint}
        required
        disabled={!mayRename}
        value={input.name}
        error={issues.get('name')}
        onChange={(event) => onChange({ name: event.currentTarget.value })}
      />
      <TextInput
        label={text.destinations.description}
        value={input.description ?? ''}
        error={issues.get('description')}
        onChange={(event) => onChange({ description: event.currentTarget.value || null })}
      />
      <Textarea
        label={text.destinations.tags}
        description={text.destinations.tagsHint}
        autosize
        value={tags}
        onChange={(event) => {
          setTags(event.currentTarget.value);
          onChange({ tags: linesOf(event.currentTarget.value, undefined) as string[] });
        }}
      />
    </>
  );
}
