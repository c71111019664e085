import { Anchor, Button, Paper, Text } from '@mantine/core';
import { Link } from 'wouter';
import { useAsked } from '../../asked';
import { Empty } from '../../parts/Empty';
import { Loaded } from '../../parts/Loaded';
import { age, Moment } from '../../parts/Moment';
import { Page } from '../../parts/Page';
import { Rows } from '../../parts/Rows';
import { Section } from '../../parts/Section';
import { State } from '../../parts/State';
import { text } from '../../text';
import { HoursChart } from './HoursChart';

const LIVE_MS = 5000;
/** Counting a day's jobs costs more than looking at the queue. */
const HOURS_MS = 30_000;

export default function Overview() {
  const summary = useAsked(['summary'], (client, signal) => client.statistics.summary({ signal }), LIVE_MS);
  const hours = useAsked(['hours'], (client, signal) => client.statistics.byHour(24, { signal }), HOURS_MS);
  return (
    <Page
      title={text.nav.overview}
      actions={
        <Text size="sm" c="dimmed">
          {text.overview.live}
        </Text>
      }
    >
      <Loaded asked={summary}>
        {({ queue, dead_letters }) => (
          <div className="tiles">
            <Tile label={text.overview.due} figure={queue.due} />
            <Tile label={text.overview.oldest} figure={age(queue.oldest_due_seconds)} />
            <Tile label={text.overview.inFlight} figure={queue.in_flight} />
            <Tile label={text.overview.scheduled} figure={queue.scheduled + queue.waiting} />
            <Tile label={text.overview.deadLetters} figure={dead_letters} href="/dead-letters" />
          </div>
        )}
      </Loaded>
      <Section title={text.overview.chart} hint={text.overview.chartHint}>
        <Loaded asked={hours}>{(found) => <HoursChart hours={found} />}</Loaded>
      </Section>
      <div className="halves">
        <Standing />
        <Failures />
      </div>
    </Page>
  );
}

const Tile = ({ label, figure, href }: { label: string; figure: string | number; href?: string }) => (
  <Paper withBorder p="md">
    <Text size="sm" c="dimmed">
      {label}
    </Text>
    <div className="tile-figure">
      {href === undefined ? (
        figure
      ) : (
        <Anchor component={Link} href={href} inherit aria-label={`${label}: ${figure}`}>
          {figure}
        </Anchor>
      )}
    </div>
  </Paper>
);

function Standing() {
  const asked = useAsked(['destinations'], (client, signal) => client.destinations.list({ signal }), LIVE_MS);
  return (
    <Section title={text.overview.destinations}>
      <Loaded asked={asked}>
        {(destinations) =>
          destinations.length === 0 ? (
            <Empty title={text.destinations.none} hint={text.overview.noDestinations}>
              <Button component={Link} href="/destinations/new" mt="md">
                {text.destinations.new}
              </Button>
            </Empty>
          ) : (
            <Rows
              caption={text.overview.destinations}
              rows={destinations}
              keyOf={({ name }) => name}
              columns={[
                {
                  label: text.destinations.name,
                  cell: ({ name }) => (
                    <Anchor component={Link} href={`/destinations/${name}`} size="sm">
                      {name}
                    </Anchor>
                  ),
                },
                {
                  label: text.destinations.health,
                  cell: ({ health_status }) => <State of={health_status} />,
                },
                {
                  label: text.destinations.breaker,
                  cell: ({ breaker, status }) =>
                    status === 'active' ? <State of={breaker.state} /> : <State of={status} />,
                },
              ]}
            />
          )
        }
      </Loaded>
    </Section>
  );
}

function Failures() {
  const asked = useAsked(
    ['jobs', 'failures'],
    (client, signal) => client.listPage({ status: 'failed', limit: 8 }, { signal }),
    LIVE_MS,
  );
  return (
    <Section title={text.overview.failures}>
      <Loaded asked={asked}>
        {({ distributions }) =>
          distributions.length === 0 ? (
            <Text c="dimmed" size="sm">
              {text.overview.noFailures}
            </Text>
          ) : (
            <Rows
              caption={text.overview.failures}
              rows={distributions}
              keyOf={({ distribution_id }) => distribution_id}
              columns={[
                {
                  label: text.jobs.id,
                  cell: ({ distribution_id }) => (
                    <Anchor
                      component={Link}
                      href={`/distributions/${encodeURIComponent(distribution_id)}`}
                      size="sm"
                    >
                      {distribution_id}
                    </Anchor>
                  ),
                },
                {
                  label: text.jobs.error,
                  cell: ({ error_code }) => <code>{error_code ?? text.common.none}</code>,
                },
                { label: text.jobs.submitted, cell: ({ submitted_at }) => <Moment at={submitted_at} /> },
              ]}
            />
          )
        }
      </Loaded>
    </Section>
  );
}
