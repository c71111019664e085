import { Anchor, Group, Text } from '@mantine/core';
import { Link } from 'wouter';
import { type Attempts, type DestinationStatus, type JobStatus } from '../../../../client/src/types';
import { useAsked } from '../../asked';
import { Json } from '../../parts/Json';
import { Loaded } from '../../parts/Loaded';
import { Moment } from '../../parts/Moment';
import { State } from '../../parts/State';
import { text } from '../../text';
import { Timeline } from './Timeline';

export type Attempt = Attempts['attempts'][number];

/** Every destination of a job, with its attempts on one common axis of time. */
export function Deliveries({ job, every }: { job: JobStatus; every: number | false }) {
  const id = job.distribution_id;
  const asked = useAsked(['job', id, 'attempts'], (client, signal) => client.attempts(id, { signal }), every);
  const registered = useAsked(['destinations'], (client, signal) => client.destinations.list({ signal }));
  const names = new Set(registered.data?.map(({ name }) => name));
  if (job.destinations.length === 0) return <Text size="sm">{text.job.noDeliveries}</Text>;
  return (
    <Loaded asked={asked}>
      {(attempts) =>
        job.destinations.map((destination) => (
          <Delivery
            key={destination.name}
            job={job}
            destination={destination}
            isRegistered={names.has(destination.name)}
            attempts={attempts.filter((attempt) => attempt.destination === destination.name)}
          />
        ))
      }
    </Loaded>
  );
}

interface DeliveryProps {
  job: JobStatus;
  destination: DestinationStatus;
  /** Others came with the job. */
  isRegistered: boolean;
  attempts: readonly Attempt[];
}

function Delivery({ job, destination, isRegistered, attempts }: DeliveryProps) {
  const made = attempts.filter(({ started_at }) => started_at !== null);
  return (
    <section aria-label={destination.name} className="delivery">
      <Group gap="md" mt="sm">
        {isRegistered ? (
          <Anchor component={Link} href={`/destinations/${destination.name}`} fw={600}>
            {destination.name}
          </Anchor>
        ) : (
          <Text fw={600}>{destination.name}</Text>
        )}
        <Text size="sm" c="dimmed">
          {destination.protocol}
        </Text>
        <State of={destination.status} />
        <Text size="sm">{text.job.attempts(destination.attempts)}</Text>
        {destination.next_attempt_at !== null && (
          <Text size="sm">
            {text.job.next}: <Moment at={destination.next_attempt_at} />
          </Text>
        )}
      </Group>
      <Timeline job={job} name={destination.name} attempts={made} />
      {made.map((attempt) => (
        <AttemptDetails key={attempt.attempt_id} attempt={attempt} />
      ))}
    </section>
  );
}

export function AttemptDetails({ attempt }: { attempt: Attempt }) {
  const { response, log, request } = attempt;
  return (
    <details className="attempt">
      <summary>
        <span>{text.job.attempt(attempt.attempt_number)} </span>
        <State of={attempt.status} />{' '}
        <Text span size="sm">
          <Moment at={attempt.started_at} />
          {attempt.response_time_ms !== null && ` · ${text.common.milliseconds(attempt.response_time_ms)}`}
          {response.status !== null && ` · ${response.status}`}
          {attempt.error_code !== null && ` · ${attempt.error_code}`}
        </Text>
      </summary>
      <div className="stack">
        {attempt.error_message !== null && <Text size="sm">{attempt.error_message}</Text>}
        {log.length > 0 && (
          <div>
            <Text size="sm" fw={600}>
              {text.job.log}
            </Text>
            <ul className="log">
              {log.map(({ timestamp, level, message }) => (
                <li key={`${timestamp} ${message}`}>
                  <Moment at={timestamp} /> {level} {message}
                </li>
              ))}
            </ul>
          </div>
        )}
        <div>
          <Text size="sm" fw={600}>
            {text.job.response}
          </Text>
          {response.body === null || response.body === '' ? (
            <Text size="sm">{response.status ?? text.job.noResponse}</Text>
          ) : (
            <Json value={response.body} label={text.job.response} />
          )}
        </div>
        {Object.keys(request).length > 0 && (
          <div>
            <Text size="sm" fw={600}>
              {text.job.request}
            </Text>
            <Json value={request} label={text.job.request} />
          </div>
        )}
      </div>
    </details>
  );
}
