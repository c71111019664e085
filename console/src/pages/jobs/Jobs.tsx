import { Anchor, Button, Group, NativeSelect, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Link, useSearchParams } from 'wouter';
import { type Job, type JobQuery } from '../../../../client/src/types';
import { refused } from '../../asked';
import { Empty } from '../../parts/Empty';
import { Failure } from '../../parts/Failure';
import { Moment } from '../../parts/Moment';
import { Page } from '../../parts/Page';
import { Rows } from '../../parts/Rows';
import { Section } from '../../parts/Section';
import { State } from '../../parts/State';
import { useClient } from '../../session-context';
import { text } from '../../text';

const PAGE = 50;
const LIVE_MS = 5000;
const STATUSES = ['pending', 'processing', 'completed', 'failed', 'cancelled'];
const FIELDS = ['q', 'status', 'data_type', 'destination', 'from_date', 'to_date'] as const;

type Filter = Partial<Record<(typeof FIELDS)[number], string>>;

const filterOf = (search: URLSearchParams): Filter =>
  Object.fromEntries(FIELDS.flatMap((field) => (search.get(field) ? [[field, search.get(field)]] : [])));

/** Dates are typed as the clock on the wall says; the service wants an instant. */
const queryOf = ({ from_date, to_date, ...rest }: Filter): JobQuery =>
  ({
    ...rest,
    ...(from_date && { from_date: new Date(from_date).toISOString() }),
    ...(to_date && { to_date: new Date(to_date).toISOString() }),
  }) as JobQuery;

export default function Jobs() {
  const [search, setSearch] = useSearchParams();
  const [filter, setFilter] = useState(() => filterOf(search));
  const [settled] = useDebouncedValue(filter, 300);
  useEffect(() => {
    const said = Object.entries(settled).filter(([, value]) => value !== '');
    setSearch(new URLSearchParams(said), { replace: true });
  }, [settled, setSearch]);
  return (
    <Page title={text.nav.distributions}>
      <Section title={text.jobs.search}>
        <Filters filter={filter} onChange={setFilter} />
      </Section>
      <Found filter={settled} />
    </Page>
  );
}

function Filters({ filter, onChange }: { filter: Filter; onChange: (filter: Filter) => void }) {
  const field = (name: keyof Filter) => ({
    value: filter[name] ?? '',
    onChange: (event: { currentTarget: { value: string } }) =>
      onChange({ ...filter, [name]: event.currentTarget.value }),
  });
  const statuses = [
    { value: '', label: text.common.all },
    ...STATUSES.map((value) => ({ value, label: text.status[value] ?? value })),
  ];
  return (
    <div className="filters">
      <TextInput label={text.jobs.search} placeholder={text.jobs.searchHint} {...field('q')} />
      <NativeSelect label={text.jobs.status} data={statuses} {...field('status')} />
      <TextInput label={text.jobs.dataType} {...field('data_type')} />
      <TextInput label={text.jobs.destination} {...field('destination')} />
      <TextInput type="datetime-local" label={text.jobs.from} {...field('from_date')} />
      <TextInput type="datetime-local" label={text.jobs.to} {...field('to_date')} />
      <Button
        variant="default"
        onClick={() => onChange({})}
        disabled={Object.values(filter).every((value) => !value)}
      >
        {text.jobs.clear}
      </Button>
    </div>
  );
}

function Found({ filter }: { filter: Filter }) {
  const client = useClient();
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage, refetch } = useInfiniteQuery({
    queryKey: ['jobs', 'list', filter],
    queryFn: ({ pageParam, signal }) =>
      client.listPage({ ...queryOf(filter), limit: PAGE, cursor: pageParam }, { signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next_cursor }) => next_cursor ?? undefined,
    placeholderData: (before) => before,
    // Whoever has gone deeper reads; the rows stay where they are.
    refetchInterval: ({ state }) =>
      refused(state.error) || (state.data?.pages.length ?? 0) > 1 ? false : LIVE_MS,
  });
  if (error !== null) return <Failure error={error} again={() => void refetch()} />;
  const jobs = data?.pages.flatMap(({ distributions }) => distributions);
  if (jobs === undefined) return null;
  if (jobs.length === 0) return <Empty title={text.jobs.none} hint={text.jobs.noneHint} />;
  return (
    <Section title={text.nav.distributions}>
      <Rows
        caption={text.nav.distributions}
        rows={jobs}
        keyOf={({ distribution_id }) => distribution_id}
        columns={COLUMNS}
      />
      {hasNextPage && (
        <Group justify="center" mt="md">
          <Button variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            {text.common.more}
          </Button>
        </Group>
      )}
    </Section>
  );
}

const COLUMNS = [
  {
    label: text.jobs.id,
    cell: ({ distribution_id }: Job) => (
      <Anchor component={Link} href={`/distributions/${encodeURIComponent(distribution_id)}`} size="sm">
        {distribution_id}
      </Anchor>
    ),
  },
  { label: text.jobs.status, cell: ({ status }: Job) => <State of={status} /> },
  { label: text.jobs.dataType, cell: ({ data_type }: Job) => data_type },
  { label: text.jobs.priority, cell: ({ priority }: Job) => priority },
  { label: text.jobs.destinations, cell: ({ destinations_count }: Job) => destinations_count },
  { label: text.jobs.submitted, cell: ({ submitted_at }: Job) => <Moment at={submitted_at} /> },
  { label: text.jobs.error, cell: ({ error_code }: Job) => error_code && <code>{error_code}</code> },
];
