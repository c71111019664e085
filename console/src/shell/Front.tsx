import { Center, Paper, Stack, Title } from '@mantine/core';
import { type ReactNode } from 'react';
import { Mark } from './Mark';

/** What stands before the console: one question. */
export const Front = ({ title, children }: { title: string; children: ReactNode }) => (
  <Center component="main" mih="100vh" p="md">
    <Paper withBorder p="xl" w="100%" maw={420}>
      <Stack>
        <Mark />
        <Title order={1} size="h3">
          {title}
        </Title>
        {children}
      </Stack>
    </Paper>
  </Center>
);
