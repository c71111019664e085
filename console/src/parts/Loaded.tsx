import { Center, Loader } from '@mantine/core';
import { type UseQueryResult } from '@tanstack/react-query';
import { type ReactNode } from 'react';
import { text } from '../text';
import { Failure } from './Failure';

interface LoadedProps<Answer> {
  asked: UseQueryResult<Answer>;
  children: (answer: Answer) => ReactNode;
}

/** What was answered; a failure of a later refresh stands above it. */
export function Loaded<Answer>({ asked, children }: LoadedProps<Answer>) {
  const { data, error } = asked;
  const failure = error !== null && <Failure error={error} again={() => void asked.refetch()} />;
  if (data !== undefined) {
    return (
      <>
        {failure}
        {children(data)}
      </>
    );
  }
  return (
    failure || (
      <Center p="xl">
        <Loader size="sm" aria-label={text.common.loading} />
      </Center>
    )
  );
}
