import { Button, Menu, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { lookAtTenant, signOut } from '../session';
import { useMay, useSession } from '../session-context';
import { language, setLanguage, text } from '../text';

/** Who one is, in which tenant, and how the console looks to one. */
export function Who({ onLeave }: { onLeave: () => Promise<void> }) {
  const { identity } = useSession();
  const ofPlatform = useMay('platform:admin');
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme('light');
  const name = identity.user?.username ?? identity.actor.replace(/^\w+:/, '');
  return (
    <Menu position="bottom-end" withArrow>
      <Menu.Target>
        <Button variant="default" className="who">
          <span className="unseen">{text.session.who}</span>
          <strong>{identity.tenant_id}</strong>
          <span className="not-on-phones">&nbsp;· {name}</span>
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{text.session.as(identity.actor)}</Menu.Label>
        {ofPlatform && (
          <Menu.Item
            onClick={() => {
              lookAtTenant('');
              void onLeave();
            }}
          >
            {text.session.otherTenant}
          </Menu.Item>
        )}
        <Menu.Item onClick={() => setColorScheme(scheme === 'dark' ? 'light' : 'dark')}>
          {text.session.dark}
        </Menu.Item>
        <Menu.Item onClick={() => setLanguage(language === 'it' ? 'en' : 'it')}>
          {text.session.language}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item onClick={() => void signOut().then(onLeave)}>{text.session.signOut}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
