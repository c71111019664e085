import { Anchor, Button, Checkbox, Group, NativeSelect, Text, Textarea, TextInput } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { type BulkOperation, type DeadLetter, type DeadLetterQuery } from '../../../../client/src/types';
import { refused, useAsked } from '../../asked';
import { Confirm } from '../../parts/Confirm';
import { Empty } from '../../parts/Empty';
import { Failure } from '../../parts/Failure';
import { Moment } from '../../parts/Moment';
import { Page } from '../../parts/Page';
import { type Column, Rows } from '../../parts/Rows';
import { Section } from '../../parts/Section';
import { useClient, useMay } from '../../session-context';
import { text } from '../../text';
import { Inspect } from './Inspect';

const PAGE = 100;
const LIVE_MS = 5000;
const FOLLOW_MS = 1000;

type State = NonNullable<DeadLetterQuery['status']>;

export default function DeadLetters() {
  const [state, setState] = useState<State>('dead');
  const [destination, setDestination] = useState('');
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [operation, setOperation] = useState<BulkOperation>();
  const may = useMay('distribution:manage');
  const done = (made: BulkOperation): void => {
    setOperation(made);
    setChosen(new Set());
  };
  return (
    <Page title={text.nav.deadLetters} actions={may && <Actions ids={[...chosen]} onDone={done} />}>
      {operation !== undefined && <Progress key={operation.operation_id} begun={operation} />}
      <div className="filters">
        <NativeSelect
          label={text.letters.status}
          data={(['dead', 'redriven', 'discarded'] as const).map((value) => ({
            value,
            label: text.status[value] ?? value,
          }))}
          value={state}
          onChange={(event) => {
            setState(event.currentTarget.value as State);
            setChosen(new Set());
          }}
        />
        <TextInput
          label={text.letters.destination}
          value={destination}
          onChange={(event) => setDestination(event.currentTarget.value)}
        />
      </div>
      <Letters
        query={{ status: state, ...(destination && { destination }) }}
        chosen={chosen}
        onChoose={may && state === 'dead' ? setChosen : undefined}
      />
    </Page>
  );
}

/** How far it is, until it is over. */
function Progress({ begun }: { begun: BulkOperation }) {
  const [over, setOver] = useState(false);
  const { operation_id: id } = begun;
  const { data: operation = begun } = useAsked(
    ['operation', id],
    (client, signal) => client.operation(id, { signal }),
    over ? false : FOLLOW_MS,
  );
  const isOver = operation.status !== 'running';
  if (isOver !== over) setOver(isOver);
  return (
    <Text role="status">
      {isOver ? text.letters.done(operation.done) : text.letters.running(operation.done)}
    </Text>
  );
}

function Actions({ ids, onDone }: { ids: string[]; onDone: (operation: BulkOperation) => void }) {
  const [reason, setReason] = useState('');
  const typed = (
    <Textarea
      label={text.common.reason}
      required
      maxLength={500}
      value={reason}
      onChange={(event) => setReason(event.currentTarget.value)}
    />
  );
  return (
    <>
      <Text size="sm" aria-live="polite">
        {ids.length > 0 && text.letters.selected(ids.length)}
      </Text>
      <Confirm
        label={text.letters.redrive}
        title={text.letters.redriveTitle(ids.length)}
        hint={text.letters.redriveHint}
        disabled={ids.length === 0}
        variant="filled"
        act={async (client) => onDone(await client.deadLetters.redrive({ ids }))}
      />
      <Confirm
        label={text.letters.discard}
        title={text.letters.discardTitle(ids.length)}
        hint={text.letters.discardHint}
        disabled={ids.length === 0}
        color="red.9"
        act={async (client) => onDone(await client.deadLetters.discard({ ids, reason }))}
      >
        {typed}
      </Confirm>
    </>
  );
}

interface LettersProps {
  query: DeadLetterQuery;
  chosen: ReadonlySet<string>;
  /** Undefined where nothing can be done with them. */
  onChoose: ((chosen: ReadonlySet<string>) => void) | undefined;
}

function Letters({ query, chosen, onChoose }: LettersProps) {
  const client = useClient();
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage, refetch } = useInfiniteQuery({
    queryKey: ['dead-letters', query],
    queryFn: ({ pageParam, signal }) =>
      client.deadLetters.listPage({ ...query, limit: PAGE, cursor: pageParam }, { signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next_cursor }) => next_cursor ?? undefined,
    refetchInterval: ({ state }) =>
      refused(state.error) || (state.data?.pages.length ?? 0) > 1 ? false : LIVE_MS,
  });
  if (error !== null) return <Failure error={error} again={() => void refetch()} />;
  const letters = data?.pages.flatMap(({ dead_letters }) => dead_letters);
  if (letters === undefined) return null;
  if (letters.length === 0) return <Empty title={text.letters.none} hint={text.letters.noneHint} />;
  return (
    <Section title={text.nav.deadLetters}>
      <Rows
        caption={text.nav.deadLetters}
        rows={letters}
        keyOf={({ dead_letter_id }) => dead_letter_id}
        columns={[...(onChoose === undefined ? [] : [chooser(letters, chosen, onChoose)]), ...COLUMNS]}
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

function chooser(
  letters: readonly DeadLetter[],
  chosen: ReadonlySet<string>,
  onChoose: (chosen: ReadonlySet<string>) => void,
): Column<DeadLetter> {
  const all = letters.every(({ dead_letter_id }) => chosen.has(dead_letter_id));
  return {
    label: '',
    heading: (
      <Checkbox
        aria-label={text.letters.selectAll}
        checked={all}
        onChange={() => onChoose(new Set(all ? [] : letters.map(({ dead_letter_id }) => dead_letter_id)))}
      />
    ),
    cell: ({ dead_letter_id: id, distribution_id }) => (
      <Checkbox
        aria-label={text.letters.select(distribution_id)}
        checked={chosen.has(id)}
        onChange={() => {
          const next = new Set(chosen);
          if (!next.delete(id)) next.add(id);
          onChoose(next);
        }}
      />
    ),
  };
}

const COLUMNS: Column<DeadLetter>[] = [
  {
    label: text.letters.distribution,
    cell: ({ distribution_id }) => (
      <Anchor component={Link} href={`/distributions/${encodeURIComponent(distribution_id)}`} size="sm">
        {distribution_id}
      </Anchor>
    ),
  },
  { label: text.letters.destination, cell: ({ destination }) => destination },
  {
    label: text.letters.error,
    cell: ({ error_code, error_message }) => (
      <>
        <code>{error_code}</code> {error_message}
      </>
    ),
  },
  { label: text.letters.attempts, cell: ({ attempts }) => attempts },
  { label: text.letters.died, cell: ({ died_at }) => <Moment at={died_at} /> },
  { label: text.letters.inspect, cell: ({ dead_letter_id }) => <Inspect id={dead_letter_id} /> },
];
