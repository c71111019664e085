import { Button, Modal, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useAsked } from '../../asked';
import { Json } from '../../parts/Json';
import { Loaded } from '../../parts/Loaded';
import { Moment } from '../../parts/Moment';
import { text } from '../../text';
import { AttemptDetails } from '../jobs/Deliveries';

/** One dead letter with its attempts and, for those who may replay it, its payload. */
export function Inspect({ id }: { id: string }) {
  const [opened, { open, close }] = useDisclosure(false);
  return (
    <>
      <Button size="compact-sm" variant="default" onClick={open}>
        {text.letters.inspect}
      </Button>
      <Modal
        opened={opened}
        onClose={close}
        size="lg"
        title={text.letters.inspect}
        closeButtonProps={{ 'aria-label': text.common.close }}
      >
        <Letter id={id} />
      </Modal>
    </>
  );
}

function Letter({ id }: { id: string }) {
  const asked = useAsked(['dead-letters', id], (client, signal) => client.deadLetters.get(id, { signal }));
  return (
    <Loaded asked={asked}>
      {(letter) => (
        <div className="stack">
          <Text size="sm">
            <code>{letter.error_code}</code> {letter.error_message}
          </Text>
          <Text size="sm">
            {text.letters.expires} <Moment at={letter.expires_at} />
          </Text>
          {letter.attempts.map((attempt) => (
            <AttemptDetails key={attempt.attempt_id} attempt={attempt} />
          ))}
          {letter.payload !== undefined && <Json value={letter.payload} label={text.letters.payload} />}
        </div>
      )}
    </Loaded>
  );
}
