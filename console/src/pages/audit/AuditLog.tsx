import { Button, Group } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { type AuditPage } from '../../../../client/src/types';
import { Empty } from '../../parts/Empty';
import { Failure } from '../../parts/Failure';
import { Json } from '../../parts/Json';
import { Moment } from '../../parts/Moment';
import { Page } from '../../parts/Page';
import { Rows } from '../../parts/Rows';
import { Section } from '../../parts/Section';
import { useClient } from '../../session-context';
import { text } from '../../text';

const PAGE = 50;

type Entry = AuditPage['entries'][number];

export default function AuditLog() {
  const client = useClient();
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage, refetch } = useInfiniteQuery({
    queryKey: ['audit'],
    queryFn: ({ pageParam, signal }) =>
      client.auditPage({ limit: PAGE, ...(pageParam && { cursor: Number(pageParam) }) }, { signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next_cursor }) => next_cursor ?? undefined,
  });
  const entries = data?.pages.flatMap((page) => page.entries) ?? [];
  return (
    <Page title={text.nav.audit}>
      {error !== null && <Failure error={error} again={() => void refetch()} />}
      {data !== undefined && entries.length === 0 && (
        <Empty title={text.audit.none} hint={text.audit.noneHint} />
      )}
      {entries.length > 0 && (
        <Section title={text.nav.audit}>
          <Rows caption={text.nav.audit} rows={entries} keyOf={({ id }) => id} columns={COLUMNS} />
        </Section>
      )}
      {hasNextPage && (
        <Group justify="center">
          <Button variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            {text.common.more}
          </Button>
        </Group>
      )}
    </Page>
  );
}

const COLUMNS = [
  { label: text.audit.when, cell: ({ created_at }: Entry) => <Moment at={created_at} /> },
  { label: text.audit.who, cell: ({ actor }: Entry) => actor },
  { label: text.audit.what, cell: ({ action }: Entry) => action },
  {
    label: text.audit.which,
    cell: ({ resource_type, resource_id }: Entry) => `${resource_type} ${resource_id}`,
  },
  {
    label: text.audit.details,
    cell: ({ details }: Entry) => (
      <details>
        <summary>{text.audit.details}</summary>
        <Json value={details} label={text.audit.details} />
      </details>
    ),
  },
];
