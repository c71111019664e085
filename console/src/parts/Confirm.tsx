import { Button, Group, Modal, Stack, Text, type ButtonProps } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type ReactNode } from 'react';
import { type DistributorClient } from '../../../client/src/client';
import { useClient } from '../session-context';
import { text } from '../text';
import { Failure } from './Failure';

interface ConfirmProps {
  label: string;
  title: string;
  hint: string;
  act: (client: DistributorClient) => Promise<unknown>;
  onDone?: () => void;
  /** What can be said about it before it is done. */
  children?: ReactNode;
  color?: string;
  disabled?: boolean;
  variant?: ButtonProps['variant'];
}

/** A button for what has consequences: it says them and asks. Afterwards everything that is shown is asked anew. */
export function Confirm(props: ConfirmProps) {
  const { label, title, hint, act, onDone, children, color, disabled = false, variant = 'default' } = props;
  const [opened, { open, close }] = useDisclosure(false);
  const client = useClient();
  const queries = useQueryClient();
  const { mutate, isPending, error, reset } = useMutation({
    mutationFn: () => act(client),
    onSuccess: async () => {
      close();
      await queries.invalidateQueries();
      onDone?.();
    },
  });
  const start = (): void => {
    reset();
    open();
  };
  return (
    <>
      <Button
        variant={variant}
        {...(color && variant === 'filled' ? { color } : {})}
        onClick={start}
        disabled={disabled}
      >
        {label}
      </Button>
      <Modal
        opened={opened}
        onClose={close}
        title={title}
        closeButtonProps={{ 'aria-label': text.common.close }}
      >
        <Stack>
          <Text size="sm">{hint}</Text>
          {children}
          {error !== null && <Failure error={error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              {text.common.close}
            </Button>
            <Button {...(color && { color })} loading={isPending} onClick={() => mutate()} data-autofocus>
              {label}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
