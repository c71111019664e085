import { Button, Group, NativeSelect, NumberInput, Switch, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import { ApiError } from '../../../../client/src/errors';
import { type Rule, type RuleInput } from '../../../../client/src/types';
import { useAsked } from '../../asked';
import { Confirm } from '../../parts/Confirm';
import { Failure } from '../../parts/Failure';
import { JsonField, readObject } from '../../parts/JsonField';
import { Loaded } from '../../parts/Loaded';
import { Page } from '../../parts/Page';
import { useClient, useMay } from '../../session-context';
import { text } from '../../text';

interface Draft {
  name: string;
  description: string;
  rule_type: RuleInput['rule_type'];
  priority: number;
  enabled: boolean;
  conditions: string;
  actions: string;
}

const NEW: Draft = {
  name: '',
  description: '',
  rule_type: 'routing',
  priority: 0,
  enabled: true,
  conditions: '{\n  "data_type": ["report"]\n}',
  actions: '{\n  "destinations": ["archive"],\n  "mode": "add"\n}',
};

const draftOf = ({ name, description, rule_type, priority, enabled, conditions, actions }: Rule): Draft => ({
  name,
  description: description ?? '',
  rule_type,
  priority,
  enabled,
  conditions: JSON.stringify(conditions, null, 2),
  actions: JSON.stringify(actions, null, 2),
});

/** `new` makes one. */
export default function EditRule({ id }: { id: string }) {
  return id === 'new' ? (
    <Page title={text.rules.new}>
      <RuleForm draft={NEW} />
    </Page>
  ) : (
    <Existing id={id} />
  );
}

function Existing({ id }: { id: string }) {
  const [, go] = useLocation();
  const may = useMay('config:write');
  const asked = useAsked(['rules', id], (client, signal) => client.rules.get(id, { signal }));
  const rule = asked.data;
  const remove = may && rule && (
    <Confirm
      label={text.rules.delete}
      title={text.rules.deleteTitle}
      hint={text.rules.deleteHint}
      color="red.9"
      act={(client) => client.rules.remove(id)}
      onDone={() => go('/rules')}
    />
  );
  return (
    <Page title={rule?.name ?? text.rules.edit} actions={remove}>
      <Loaded asked={asked}>
        {(found) => <RuleForm key={found.version} draft={draftOf(found)} id={id} />}
      </Loaded>
    </Page>
  );
}

/** The issue of a field, or of a place inside it, such as `conditions.payload.total[0]`. */
function issueOf(error: unknown, field: string): string | undefined {
  const issues = error instanceof ApiError ? error.details : [];
  const of = issues.filter((one) => one.field === field || new RegExp(`^${field}[.[]`).test(one.field));
  return of.length === 0 ? undefined : of.map((one) => `${one.field}: ${one.issue}`).join('; ');
}

function RuleForm({ draft: first, id }: { draft: Draft; id?: string }) {
  const [draft, setDraft] = useState(first);
  const [, go] = useLocation();
  const client = useClient();
  const queries = useQueryClient();
  const may = useMay('config:write');
  const conditions = readObject(draft.conditions);
  const actions = readObject(draft.actions);
  const { mutate, isPending, error } = useMutation({
    mutationFn: (input: RuleInput) =>
      id === undefined ? client.rules.create(input) : client.rules.replace(id, input),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['rules'] });
      go('/rules');
    },
  });
  const set = (part: Partial<Draft>): void => setDraft({ ...draft, ...part });
  const submit = (): void => {
    if ('fault' in conditions || 'fault' in actions) return;
    const description = draft.description === '' ? null : draft.description;
    mutate({ ...draft, description, conditions: conditions.value, actions: actions.value });
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <fieldset disabled={!may} className="bare fields">
        <RuleFacts draft={draft} onChange={set} error={error} />
        <JsonField
          label={text.rules.conditions}
          description={text.rules.conditionsHint}
          value={draft.conditions}
          onChange={(value) => set({ conditions: value })}
          error={issueOf(error, 'conditions')}
        />
        <JsonField
          label={text.rules.actions}
          value={draft.actions}
          onChange={(value) => set({ actions: value })}
          error={issueOf(error, 'actions')}
          rows={4}
        />
        {error !== null && <Failure error={error} />}
        <Group>
          <Button type="submit" loading={isPending} disabled={'fault' in conditions || 'fault' in actions}>
            {text.common.save}
          </Button>
          <Button component={Link} href="/rules" variant="default">
            {text.common.cancel}
          </Button>
        </Group>
      </fieldset>
    </form>
  );
}

interface RuleFactsProps {
  draft: Draft;
  onChange: (part: Partial<Draft>) => void;
  error: unknown;
}

function RuleFacts({ draft, onChange, error }: RuleFactsProps) {
  return (
    <>
      <TextInput
        label={text.rules.name}
        required
        value={draft.name}
        error={issueOf(error, 'name')}
        onChange={(event) => onChange({ name: event.currentTarget.value })}
      />
      <TextInput
        label={text.destinations.description}
        value={draft.description}
        onChange={(event) => onChange({ description: event.currentTarget.value })}
      />
      <NativeSelect
        label={text.rules.type}
        data={Object.entries(text.rules.types).map(([value, label]) => ({ value, label }))}
        value={draft.rule_type}
        onChange={(event) => onChange({ rule_type: event.currentTarget.value as Draft['rule_type'] })}
      />
      <NumberInput
        label={text.rules.priority}
        description={text.rules.priorityHint}
        allowDecimal={false}
        hideControls
        value={draft.priority}
        error={issueOf(error, 'priority')}
        onChange={(value) => onChange({ priority: Number(value) })}
      />
      <Switch
        label={text.rules.enabled}
        checked={draft.enabled}
        onChange={(event) => onChange({ enabled: event.currentTarget.checked })}
      />
    </>
  );
}
