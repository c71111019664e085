import { Text } from '@mantine/core';
import { type DestinationHealth } from '../../../../client/src/types';
import { useAsked } from '../../asked';
import { Loaded } from '../../parts/Loaded';
import { Moment } from '../../parts/Moment';
import { Rows } from '../../parts/Rows';
import { Section } from '../../parts/Section';
import { State } from '../../parts/State';
import { text } from '../../text';

const LIVE_MS = 5000;
const SHOWN = 30;

type Check = DestinationHealth['history'][number];

export function HealthHistory({ name }: { name: string }) {
  const asked = useAsked(
    ['destinations', name, 'health'],
    (client, signal) => client.destinations.health(name, { limit: SHOWN }, { signal }),
    LIVE_MS,
  );
  return (
    <Section title={text.destinations.history}>
      <Loaded asked={asked}>
        {({ history, uptime, message, since, health_status }) => (
          <>
            {uptime.ratio !== null && (
              <Text size="sm">{text.destinations.uptime((uptime.ratio * 100).toFixed(1), uptime.hours)}</Text>
            )}
            {health_status === 'unhealthy' && (
              <Text size="sm">
                {text.destinations.since} <Moment at={since} />: {message}
              </Text>
            )}
            {history.length === 0 ? (
              <Text size="sm" c="dimmed">
                {text.destinations.noHistory}
              </Text>
            ) : (
              <Rows
                caption={text.destinations.history}
                rows={history}
                keyOf={({ id }) => id}
                columns={COLUMNS}
              />
            )}
          </>
        )}
      </Loaded>
    </Section>
  );
}

const COLUMNS = [
  { label: text.audit.when, cell: ({ checked_at }: Check) => <Moment at={checked_at} /> },
  { label: text.destinations.health, cell: ({ status }: Check) => <State of={status} /> },
  { label: text.job.latency, cell: ({ latency_ms }: Check) => text.common.milliseconds(latency_ms) },
  {
    label: text.common.reason,
    cell: ({ message, error_code }: Check) => (error_code === null ? message : `${error_code}: ${message}`),
  },
];
