import { Button, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { type Explanation, type Submission } from '../../../../client/src/types';
import { Failure } from '../../parts/Failure';
import { Json } from '../../parts/Json';
import { JsonField, readObject } from '../../parts/JsonField';
import { Page } from '../../parts/Page';
import { Rows } from '../../parts/Rows';
import { Section } from '../../parts/Section';
import { State } from '../../parts/State';
import { useClient } from '../../session-context';
import { text } from '../../text';
import { PatternTrial } from './PatternTrial';

const EXAMPLE = `{
  "data_type": "report",
  "payload": { "total": 12 }
}`;

type JudgedRule = Explanation['rules'][number];

export default function Explain() {
  const [submission, setSubmission] = useState(EXAMPLE);
  const client = useClient();
  const read = readObject(submission);
  const { mutate, isPending, error, data } = useMutation({
    mutationFn: (input: Submission) => client.rules.explain(input),
  });
  return (
    <Page title={text.rules.explain}>
      <Section title={text.rules.explainTitle} hint={text.rules.explainHint}>
        <div className="stack">
          <JsonField label={text.rules.submission} value={submission} onChange={setSubmission} />
          <div>
            <Button
              loading={isPending}
              disabled={'fault' in read}
              onClick={() => 'value' in read && mutate(read.value as unknown as Submission)}
            >
              {text.rules.run}
            </Button>
          </div>
          <div aria-live="polite">
            {error !== null && <Failure error={error} />}
            {error === null && data !== undefined && <Explained explanation={data} />}
          </div>
        </div>
      </Section>
      <PatternTrial />
    </Page>
  );
}

function Explained({ explanation }: { explanation: Explanation }) {
  const { outcome, outcome_reason, priority, destinations, rules, warnings } = explanation;
  return (
    <div className="stack">
      <Text fw={600}>
        {text.rules.outcomes[outcome]} · {text.rules.priority}: {priority}
      </Text>
      {outcome_reason !== null && <Text size="sm">{outcome_reason}</Text>}
      {warnings.map((warning) => (
        <Text key={warning} size="sm" c="var(--warn)">
          {warning}
        </Text>
      ))}
      {destinations.map(({ name, protocol, reason, content, error }) => (
        <details key={name}>
          <summary>
            {text.rules.goes} <strong>{name}</strong> ({protocol}): {reason}
          </summary>
          {error !== null && (
            <Text size="sm" c="var(--bad)">
              <code>{error.code}</code> {error.message}
            </Text>
          )}
          {content !== null && <Json value={content.body} label={text.rules.body} />}
        </details>
      ))}
      {rules.length > 0 && (
        <Rows caption={text.nav.rules} rows={rules} keyOf={({ rule_id }) => rule_id} columns={RULE_COLUMNS} />
      )}
    </div>
  );
}

const RULE_COLUMNS = [
  { label: text.rules.name, cell: ({ rule }: JudgedRule) => <strong>{rule}</strong> },
  { label: text.rules.type, cell: ({ rule_type }: JudgedRule) => text.rules.types[rule_type] },
  {
    label: text.destinations.status,
    cell: ({ matched, applied, enabled }: JudgedRule) =>
      enabled ? (
        <State
          of={matched ? 'matched' : 'unmatched'}
          {...(matched && { label: applied ? text.rules.applied : text.rules.notApplied })}
        />
      ) : (
        <State of="disabled" />
      ),
  },
  {
    label: text.rules.whyNot,
    cell: ({ why }: JudgedRule) =>
      why.map((line) => (
        <div key={line} className="wrap">
          {line}
        </div>
      )),
  },
];
