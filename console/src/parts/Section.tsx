import { Paper, Text, Title } from '@mantine/core';
import { type ReactNode } from 'react';

export const Section = ({ title, hint, children }: { title: string; hint?: string; children: ReactNode }) => (
  <Paper component="section" withBorder p="md" aria-label={title}>
    <Title order={2} size="h5" mb="xs">
      {title}
    </Title>
    {hint !== undefined && (
      <Text size="sm" c="dimmed" mb="sm">
        {hint}
      </Text>
    )}
    {children}
  </Paper>
);
