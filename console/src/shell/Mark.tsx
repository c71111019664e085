import { Group, Text } from '@mantine/core';
import { text } from '../text';

export const Mark = () => (
  <Group gap="xs" wrap="nowrap">
    <img src="/console/icon.svg" alt="" width={26} height={26} />
    <Text fw={700}>{text.brand}</Text>
  </Group>
);
