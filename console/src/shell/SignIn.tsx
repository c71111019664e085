import { Anchor, Button, Divider, PasswordInput, TextInput } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { type SyntheticEvent, useState } from 'react';
import { Failure } from '../parts/Failure';
import { hasIssuer, signIn, useKey as keep } from '../session';
import { text } from '../text';
import { Front } from './Front';

interface SignInProps {
  onDone: () => Promise<void>;
}

export function SignIn({ onDone }: SignInProps) {
  const [byKey, setByKey] = useState(false);
  return (
    <Front title={text.session.title}>
      {byKey ? <ByKey onDone={onDone} /> : <ByPassword onDone={onDone} />}
      <Divider />
      <Anchor component="button" type="button" onClick={() => setByKey(!byKey)}>
        {byKey ? text.session.orPassword : text.session.orKey}
      </Anchor>
    </Front>
  );
}

function ByPassword({ onDone }: SignInProps) {
  const [form, setForm] = useState({ tenantId: '', username: '', password: '' });
  const { mutate, isPending, error } = useMutation({ mutationFn: () => signIn(form), onSuccess: onDone });
  const issuer = useQuery({ queryKey: ['issuer'], queryFn: hasIssuer });
  const field = (name: keyof typeof form) => ({
    value: form[name],
    onChange: (event: { currentTarget: { value: string } }) =>
      setForm({ ...form, [name]: event.currentTarget.value }),
  });
  const tenant = form.tenantId.trim();
  return (
    <form className="stack" onSubmit={submitting(mutate)}>
      <TextInput
        label={text.session.tenant}
        description={text.session.tenantHint}
        autoComplete="organization"
        {...field('tenantId')}
      />
      <TextInput label={text.session.username} autoComplete="username" required {...field('username')} />
      <PasswordInput
        label={text.session.password}
        autoComplete="current-password"
        required
        {...field('password')}
      />
      {error !== null && <Failure error={error} />}
      <Button type="submit" loading={isPending}>
        {text.session.signIn}
      </Button>
      {issuer.data === true && (
        <Button
          component="a"
          variant="default"
          href={`/api/v1/auth/oidc/start${tenant === '' ? '' : `?tenant_id=${encodeURIComponent(tenant)}`}`}
        >
          {text.session.issuer}
        </Button>
      )}
    </form>
  );
}

function ByKey({ onDone }: SignInProps) {
  const [key, setKey] = useState('');
  const { mutate, isPending, error } = useMutation({ mutationFn: () => keep(key.trim()), onSuccess: onDone });
  return (
    <form className="stack" onSubmit={submitting(mutate)}>
      <PasswordInput
        label={text.session.key}
        description={text.session.keyHint}
        placeholder="zk_…"
        autoComplete="off"
        required
        value={key}
        onChange={(event) => setKey(event.currentTarget.value)}
      />
      {error !== null && <Failure error={error} />}
      <Button type="submit" loading={isPending}>
        {text.session.useKey}
      </Button>
    </form>
  );
}

const submitting = (act: () => void) => (event: SyntheticEvent) => {
  event.preventDefault();
  act();
};
