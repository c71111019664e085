import { Checkbox, Group, Text } from '@mantine/core';
import { useState } from 'react';
import { type Events, type JobStatus } from '../../../../client/src/types';
import { useAsked } from '../../asked';
import { Confirm } from '../../parts/Confirm';
import { Failure } from '../../parts/Failure';
import { Json } from '../../parts/Json';
import { Loaded } from '../../parts/Loaded';
import { Moment } from '../../parts/Moment';
import { Page } from '../../parts/Page';
import { Rows } from '../../parts/Rows';
import { Section } from '../../parts/Section';
import { State } from '../../parts/State';
import { useMay } from '../../session-context';
import { text } from '../../text';
import { Deliveries } from './Deliveries';

const LIVE_MS = 2000;
const OVER = ['completed', 'failed', 'cancelled'];

/** One job, from its submission over rules and deliveries to what its submitter was told. */
export default function Job({ id }: { id: string }) {
  const [over, setOver] = useState(false);
  const every = over ? false : LIVE_MS;
  const job = useAsked(['job', id], (client, signal) => client.status(id, { signal }), every);
  const isOver = job.data !== undefined && OVER.includes(job.data.status);
  if (isOver !== over) setOver(isOver);
  return (
    <Page title={id} actions={job.data && <Actions job={job.data} />}>
      <Loaded asked={job}>
        {(found) => (
          <>
            <Facts job={found} />
            <ol className="stages">
              <li>
                <Section title={text.job.submitted}>
                  <Submission job={found} />
                </Section>
              </li>
              <li>
                <Section title={text.job.rules}>
                  <Reasons job={found} />
                </Section>
              </li>
              <li>
                <Section title={text.job.deliveries}>
                  <Deliveries job={found} every={every} />
                </Section>
              </li>
              <li>
                <Section title={text.job.told}>
                  <Told id={id} every={every} />
                </Section>
              </li>
            </ol>
            <History id={id} every={every} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Actions({ job }: { job: JobStatus }) {
  const may = useMay('distribution:manage');
  const [all, setAll] = useState(false);
  if (!may) return null;
  const isOver = OVER.includes(job.status);
  return (
    <>
      {!isOver && (
        <Confirm
          label={text.job.cancel}
          title={text.job.cancelTitle}
          hint={text.job.cancelHint}
          color="red.9"
          act={(client) => client.cancel(job.distribution_id)}
        />
      )}
      {job.destinations.length > 0 && (
        <Confirm
          label={text.job.replay}
          title={text.job.replayTitle}
          hint={text.job.replayHint}
          act={(client) => client.replay(job.distribution_id, { only_failed: !all })}
        >
          <Checkbox
            label={text.job.replayAll}
            checked={all}
            onChange={(event) => setAll(event.currentTarget.checked)}
          />
        </Confirm>
      )}
    </>
  );
}

function Facts({ job }: { job: JobStatus }) {
  return (
    <>
      <Group gap="lg">
        <State of={job.status} />
        <Text size="sm">{job.progress_percentage} %</Text>
        {job.metrics.total_latency_ms !== null && (
          <Text size="sm">
            {text.job.latency} {text.common.milliseconds(job.metrics.total_latency_ms)}
          </Text>
        )}
      </Group>
      {job.error_message !== null && (
        <Text size="sm" c="var(--bad)">
          <code>{job.error_code}</code> {job.error_message}
        </Text>
      )}
    </>
  );
}

function Submission({ job }: { job: JobStatus }) {
  const {
    processing_node: _node,
    worker_version: _version,
    rate_limit_remaining: _left,
    ...metadata
  } = job.metadata;
  const { correlation_id, idempotency_key, ...own } = metadata;
  const facts = [
    [text.jobs.submitted, <Moment at={job.submitted_at} />],
    [text.jobs.dataType, job.data_type],
    [text.jobs.priority, job.priority],
    [text.job.correlation, correlation_id],
    [text.job.idempotency, idempotency_key],
    [text.job.batch, job.batch_id],
  ] as const;
  return (
    <>
      <dl className="facts">
        {facts.map(([label, value]) =>
          value === null ? null : (
            <div key={label}>
              <dt>{label}</dt>
              <dd>{value}</dd>
            </div>
          ),
        )}
      </dl>
      {Object.keys(own).length > 0 && (
        <details>
          <summary>{text.job.metadata}</summary>
          <Json value={own} label={text.job.metadata} />
        </details>
      )}
    </>
  );
}

function Reasons({ job }: { job: JobStatus }) {
  if (job.reasons.length === 0) {
    const words = { deliver: text.job.noRules, no_match: text.job.noMatch, filtered: text.job.filtered };
    return <Text size="sm">{words[job.outcome]}</Text>;
  }
  return (
    <Rows
      caption={text.job.rules}
      rows={job.reasons}
      keyOf={({ rule_id, effect, destination }) => `${rule_id} ${effect} ${destination}`}
      columns={[
        { label: text.rules.name, cell: ({ rule }) => <strong>{rule}</strong> },
        { label: text.rules.type, cell: ({ rule_type }) => text.rules.types[rule_type] },
        { label: text.common.reason, cell: ({ message }) => message },
      ]}
    />
  );
}

function Told({ id, every }: { id: string; every: number | false }) {
  const asked = useAsked(
    ['job', id, 'callbacks'],
    (client, signal) => client.callbacks(id, { signal }),
    every,
  );
  return (
    <Loaded asked={asked}>
      {(callbacks) =>
        callbacks.length === 0 ? (
          <Text size="sm">{text.job.notTold}</Text>
        ) : (
          <Rows
            caption={text.job.told}
            rows={callbacks}
            keyOf={({ callback_id }) => callback_id}
            columns={[
              { label: text.audit.what, cell: ({ event_type }) => <code>{event_type}</code> },
              { label: text.jobs.status, cell: ({ status }) => <State of={status} /> },
              { label: text.jobs.destination, cell: ({ callback_url, channel }) => callback_url ?? channel },
              { label: text.letters.attempts, cell: ({ attempts }) => attempts },
              {
                label: text.job.response,
                cell: ({ response_status, error_message }) =>
                  response_status ?? error_message ?? text.common.none,
              },
            ]}
          />
        )
      }
    </Loaded>
  );
}

function History({ id, every }: { id: string; every: number | false }) {
  const asked = useAsked(['job', id, 'events'], (client, signal) => client.events(id, { signal }), every);
  if (asked.error !== null) return <Failure error={asked.error} />;
  return (
    <Section title={text.job.history}>
      <Rows
        caption={text.job.history}
        rows={asked.data ?? []}
        keyOf={({ timestamp, to_status }) => `${timestamp} ${to_status}`}
        columns={EVENT_COLUMNS}
      />
    </Section>
  );
}

type Event = Events['events'][number];

const EVENT_COLUMNS = [
  { label: text.audit.when, cell: ({ timestamp }: Event) => <Moment at={timestamp} /> },
  { label: text.jobs.status, cell: ({ to_status }: Event) => <State of={to_status} /> },
  { label: text.audit.who, cell: ({ actor }: Event) => actor },
  { label: text.common.reason, cell: ({ reason }: Event) => reason },
];
