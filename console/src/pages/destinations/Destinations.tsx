import { Anchor, Button } from '@mantine/core';
import { Link } from 'wouter';
import { type WatchedDestination } from '../../../../client/src/types';
import { useAsked } from '../../asked';
import { Empty } from '../../parts/Empty';
import { Loaded } from '../../parts/Loaded';
import { Moment } from '../../parts/Moment';
import { Page } from '../../parts/Page';
import { Rows } from '../../parts/Rows';
import { Section } from '../../parts/Section';
import { State } from '../../parts/State';
import { useMay } from '../../session-context';
import { text } from '../../text';

const LIVE_MS = 5000;

export default function Destinations() {
  const asked = useAsked(['destinations'], (client, signal) => client.destinations.list({ signal }), LIVE_MS);
  const register = useMay('config:write') && (
    <Button component={Link} href="/destinations/new">
      {text.destinations.new}
    </Button>
  );
  return (
    <Page title={text.nav.destinations} actions={register}>
      <Loaded asked={asked}>
        {(destinations) =>
          destinations.length === 0 ? (
            <Empty title={text.destinations.none} hint={text.destinations.noneHint} />
          ) : (
            <Section title={text.nav.destinations}>
              <Rows
                caption={text.nav.destinations}
                rows={destinations}
                keyOf={({ destination_id }) => destination_id}
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
    label: text.destinations.name,
    cell: ({ name }: WatchedDestination) => (
      <Anchor component={Link} href={`/destinations/${name}`} size="sm">
        {name}
      </Anchor>
    ),
  },
  { label: text.destinations.protocol, cell: ({ protocol }: WatchedDestination) => protocol },
  { label: text.destinations.status, cell: ({ status }: WatchedDestination) => <State of={status} /> },
  {
    label: text.destinations.health,
    cell: ({ health_status }: WatchedDestination) => <State of={health_status} />,
  },
  {
    label: text.destinations.breaker,
    cell: ({ breaker }: WatchedDestination) => <State of={breaker.state} />,
  },
  { label: text.destinations.used, cell: ({ last_used }: WatchedDestination) => <Moment at={last_used} /> },
];
