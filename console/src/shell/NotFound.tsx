import { Anchor } from '@mantine/core';
import { Link } from 'wouter';
import { Empty } from '../parts/Empty';
import { text } from '../text';

export const NotFound = () => (
  <Empty title={text.common.notFound} hint={text.common.notFoundHint}>
    <Anchor component={Link} href="/">
      {text.common.toOverview}
    </Anchor>
  </Empty>
);
