import { Tabs, Text } from '@mantine/core';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { type DestinationInput, type WatchedDestination } from '../../../../client/src/types';
import { useAsked } from '../../asked';
import { Confirm } from '../../parts/Confirm';
import { Loaded } from '../../parts/Loaded';
import { Moment } from '../../parts/Moment';
import { Page } from '../../parts/Page';
import { Section } from '../../parts/Section';
import { State } from '../../parts/State';
import { useMay } from '../../session-context';
import { text } from '../../text';
import { DestinationForm } from './DestinationForm';
import { HealthHistory } from './HealthHistory';
import { Trial } from './Trial';

const LIVE_MS = 5000;

export default function Destination({ name }: { name: string }) {
  const may = useMay('config:write');
  const asked = useAsked(
    ['destinations', name],
    (client, signal) => client.destinations.get(name, { signal }),
    LIVE_MS,
  );
  return (
    <Page title={name} actions={may && asked.data && <Actions destination={asked.data} />}>
      <Loaded asked={asked}>
        {(destination) => (
          <>
            <Facts destination={destination} />
            <Tabs defaultValue="health" keepMounted={false}>
              <Tabs.List>
                <Tabs.Tab value="health">{text.destinations.health}</Tabs.Tab>
                <Tabs.Tab value="configuration">{text.destinations.configuration}</Tabs.Tab>
              </Tabs.List>
              <Tabs.Panel value="health" pt="md">
                <div className="stack">
                  {may ? <Trial name={name} /> : <Text size="sm">{text.common.mayNot}</Text>}
                  <HealthHistory name={name} />
                </div>
              </Tabs.Panel>
              <Tabs.Panel value="configuration" pt="md">
                <Edit destination={destination} />
              </Tabs.Panel>
            </Tabs>
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Actions({ destination: { name, status, breaker } }: { destination: WatchedDestination }) {
  const [, go] = useLocation();
  return (
    <>
      {breaker.state !== 'closed' && (
        <Confirm
          label={text.destinations.resetBreaker}
          title={text.destinations.resetTitle}
          hint={text.destinations.resetHint}
          act={(client) => client.destinations.resetBreaker(name)}
        />
      )}
      {status === 'active' ? (
        <Confirm
          label={text.destinations.pause}
          title={text.destinations.pauseTitle}
          hint={text.destinations.pauseHint}
          act={(client) => client.destinations.update(name, { status: 'maintenance' })}
        />
      ) : (
        <Confirm
          label={text.destinations.resume}
          title={text.destinations.resume}
          hint={text.destinations.resetHint}
          act={(client) => client.destinations.update(name, { status: 'active' })}
        />
      )}
      <Confirm
        label={text.destinations.delete}
        title={text.destinations.deleteTitle}
        hint={text.destinations.deleteHint}
        color="red.9"
        act={(client) => client.destinations.remove(name)}
        onDone={() => go('/destinations')}
      />
    </>
  );
}

function Facts({ destination }: { destination: WatchedDestination }) {
  const { protocol, status, status_reason, health_status, breaker, version, description, last_used } =
    destination;
  const facts = [
    [text.destinations.protocol, protocol],
    [text.destinations.status, <State of={status} />],
    [text.destinations.health, <State of={health_status} />],
    [text.destinations.breaker, <State of={breaker.state} />],
    [text.destinations.used, <Moment at={last_used} />],
    [text.destinations.version, version],
  ] as const;
  return (
    <Section title={text.destinations.status}>
      {description !== null && <Text mb="sm">{description}</Text>}
      <dl className="facts">
        {facts.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {breaker.consecutive_failures > 0 && (
        <Text size="sm" c="dimmed" mt="xs">
          {text.destinations.breakerHint(breaker.consecutive_failures)}
        </Text>
      )}
      {status_reason !== null && <Text size="sm">{status_reason}</Text>}
    </Section>
  );
}

/** What is edited is what was there when the form was opened; the page around it goes on refreshing. */
function Edit({ destination }: { destination: WatchedDestination }) {
  const may = useMay('config:write');
  const [opened] = useState(() => inputOf(destination));
  const [saved, setSaved] = useState(0);
  const types = useAsked(['destination-types'], (client, signal) => client.destinations.types({ signal }));
  return (
    <Loaded asked={types}>
      {(found) => (
        <fieldset disabled={!may} className="bare">
          {saved > 0 && <Text role="status">{text.destinations.saved}</Text>}
          <DestinationForm
            key={saved}
            types={found}
            registered={opened}
            save={(client, input) => client.destinations.replace(opened.name, input)}
            onSaved={() => setSaved(saved + 1)}
          />
        </fieldset>
      )}
    </Loaded>
  );

  function inputOf(of: WatchedDestination): DestinationInput {
    const { name, description, protocol, status, configuration, transform_config, health_check, tags } = of;
    return { name, description, protocol, status, configuration, transform_config, health_check, tags };
  }
}
