import { AppShell, Burger, Group, NavLink, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { type ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { useMay } from '../session-context';
import { text } from '../text';
import { Mark } from './Mark';
import { Who } from './Who';

interface ShellProps {
  onLeave: () => Promise<void>;
  children: ReactNode;
}

export function Shell({ onLeave, children }: ShellProps) {
  const [opened, { toggle, close }] = useDisclosure(false);
  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 220, breakpoint: 'sm', collapsed: { mobile: !opened } }}
      padding="md"
    >
      <a className="skip" href="#content">
        {text.nav.skip}
      </a>
      <AppShell.Header px="md">
        <Group h="100%" justify="space-between" wrap="nowrap">
          <Group gap="xs" wrap="nowrap">
            <Burger
              className="on-phones"
              opened={opened}
              onClick={toggle}
              size="sm"
              aria-label={text.nav.open}
            />
            <Mark />
          </Group>
          <Who onLeave={onLeave} />
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label={text.nav.label} onClick={close}>
        <Links />
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1}>
        <div className="content">{children}</div>
      </AppShell.Main>
    </AppShell>
  );
}

function Links() {
  const [location] = useLocation();
  const isAdministrator = useMay('tenant:admin');
  const links = [
    ['/', text.nav.overview],
    ['/distributions', text.nav.distributions],
    ['/dead-letters', text.nav.deadLetters],
    ['/destinations', text.nav.destinations],
    ['/rules', text.nav.rules],
    ...(isAdministrator ? [['/audit', text.nav.audit]] : []),
  ] as const;
  return links.map(([href = '/', label]) => {
    const isHere = href === '/' ? location === '/' : location.startsWith(href);
    return (
      <NavLink
        key={href}
        component={Link}
        href={href}
        label={<Text size="sm">{label}</Text>}
        active={isHere}
        aria-current={isHere ? 'page' : undefined}
      />
    );
  });
}
