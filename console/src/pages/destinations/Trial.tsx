import { Alert, Button, Group, Text } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Failure } from '../../parts/Failure';
import { Json } from '../../parts/Json';
import { Section } from '../../parts/Section';
import { useClient } from '../../session-context';
import { text } from '../../text';

/** A connection, or a delivery of a sample, now. */
export function Trial({ name }: { name: string }) {
  const client = useClient();
  const queries = useQueryClient();
  const { mutate, isPending, error, data } = useMutation({
    mutationFn: (send: boolean) => client.destinations.test(name, { send }),
    onSettled: () => queries.invalidateQueries({ queryKey: ['destinations', name] }),
  });
  return (
    <Section title={text.destinations.test} hint={text.destinations.testHint}>
      <Group mb="sm">
        <Button onClick={() => mutate(false)} loading={isPending}>
          {text.destinations.test}
        </Button>
        <Button variant="default" onClick={() => mutate(true)} loading={isPending}>
          {text.destinations.testSend}
        </Button>
      </Group>
      <div aria-live="polite">
        {error !== null && <Failure error={error} />}
        {error === null && data !== undefined && (
          <Alert
            variant="outline"
            color={data.error_code === null ? 'green' : 'red'}
            title={data.error_code === null ? text.destinations.testGood : text.destinations.testBad}
          >
            <Text size="sm">
              {data.message} · {text.common.milliseconds(data.latency_ms)}
            </Text>
            {data.error_code !== null && <code>{data.error_code}</code>}
            {data.response !== undefined && <Json value={data.response} label={text.job.response} />}
          </Alert>
        )}
      </div>
    </Section>
  );
}
