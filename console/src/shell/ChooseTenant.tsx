import { Button, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { lookAtTenant, signOut } from '../session';
import { text } from '../text';
import { Front } from './Front';

export function ChooseTenant({ onDone }: { onDone: () => Promise<void> }) {
  const [tenant, setTenant] = useState('');
  return (
    <Front title={text.session.chooseTenant}>
      <Text size="sm">{text.session.chooseTenantHint}</Text>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          lookAtTenant(tenant.trim());
          void onDone();
        }}
      >
        <TextInput
          label={text.session.tenant}
          required
          value={tenant}
          onChange={(event) => setTenant(event.currentTarget.value)}
        />
        <Button type="submit">{text.session.look}</Button>
        <Button variant="default" onClick={() => void signOut().then(onDone)}>
          {text.session.signOut}
        </Button>
      </form>
    </Front>
  );
}
