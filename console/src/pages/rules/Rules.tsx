import { Anchor, Button } from '@mantine/core';
import { Link } from 'wouter';
import { type Rule } from '../../../../client/src/types';
import { useAsked } from '../../asked';
import { Empty } from '../../parts/Empty';
import { Loaded } from '../../parts/Loaded';
import { Page } from '../../parts/Page';
import { Rows } from '../../parts/Rows';
import { Section } from '../../parts/Section';
import { State } from '../../parts/State';
import { useMay } from '../../session-context';
import { text } from '../../text';

/** The most that the service lists at once. */
const ALL = 1000;

export default function Rules() {
  const may = useMay('config:write');
  const asked = useAsked(['rules'], (client, signal) => client.rules.list({ limit: ALL }, { signal }));
  const actions = (
    <>
      <Button component={Link} href="/rules/explain" variant="default">
        {text.rules.explain}
      </Button>
      {may && (
        <Button component={Link} href="/rules/new">
          {text.rules.new}
        </Button>
      )}
    </>
  );
  return (
    <Page title={text.nav.rules} actions={actions}>
      <Loaded asked={asked}>
        {(rules) =>
          rules.length === 0 ? (
            <Empty title={text.rules.none} hint={text.rules.noneHint} />
          ) : (
            <Section title={text.rules.order}>
              <Rows
                caption={text.rules.order}
                rows={rules}
                keyOf={({ rule_id }) => rule_id}
                columns={COLUMNS}
              />
            </Section>
          )
        }
      </Loaded>
    </Page>
  );
}

const COLUMNS = [
  {
    label: text.rules.name,
    cell: ({ rule_id, name, tenant_id }: Rule) => (
      <>
        <Anchor component={Link} href={`/rules/${rule_id}`} size="sm">
          {name}
        </Anchor>
        {tenant_id === null && ` (${text.rules.global})`}
      </>
    ),
  },
  { label: text.rules.type, cell: ({ rule_type }: Rule) => text.rules.types[rule_type] },
  { label: text.rules.priority, cell: ({ priority }: Rule) => priority },
  {
    label: text.destinations.status,
    cell: ({ enabled }: Rule) => <State of={enabled ? 'enabled' : 'disabled'} />,
  },
  { label: text.rules.conditions, cell: ({ conditions }: Rule) => <code>{brief(conditions)}</code> },
  { label: text.rules.actions, cell: ({ actions }: Rule) => <code>{brief(actions)}</code> },
];

const LONGEST = 90;

function brief(value: object): string {
  const whole = JSON.stringify(value);
  return whole.length > LONGEST ? `${whole.slice(0, LONGEST)}…` : whole;
}
