import { Paper, Text } from '@mantine/core';
import { type ReactNode } from 'react';

/** Nothing is here, and what to do about it. */
export const Empty = ({ title, hint, children }: { title: string; hint?: string; children?: ReactNode }) => (
  <Paper withBorder p="xl" ta="center">
    <Text fw={600}>{title}</Text>
    {hint !== undefined && (
      <Text c="dimmed" size="sm" mt={4}>
        {hint}
      </Text>
    )}
    {children}
  </Paper>
);
