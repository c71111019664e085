import { Button } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { Failure } from '../../parts/Failure';
import { JsonField, readObject } from '../../parts/JsonField';
import { Section } from '../../parts/Section';
import { State } from '../../parts/State';
import { useClient } from '../../session-context';
import { text } from '../../text';

/** Conditions before they are a rule. */
export function PatternTrial() {
  const [pattern, setPattern] = useState('{\n  "payload": { "total": [{ "numeric": [">", 10] }] }\n}');
  const [event, setEvent] = useState('{\n  "payload": { "total": 12 }\n}');
  const client = useClient();
  const [readPattern, readEvent] = [readObject(pattern), readObject(event)];
  const { mutate, isPending, error, data } = useMutation({
    mutationFn: (request: { pattern: object; event: object }) => client.rules.match(request),
  });
  const run = (): void => {
    if ('value' in readPattern && 'value' in readEvent) {
      mutate({ pattern: readPattern.value, event: readEvent.value });
    }
  };
  return (
    <Section title={text.rules.matchTitle} hint={text.rules.matchHint}>
      <div className="stack">
        <div className="halves">
          <JsonField label={text.rules.pattern} value={pattern} onChange={setPattern} rows={5} />
          <JsonField label={text.rules.event} value={event} onChange={setEvent} rows={5} />
        </div>
        <div>
          <Button
            variant="default"
            loading={isPending}
            onClick={run}
            disabled={'fault' in readPattern || 'fault' in readEvent}
          >
            {text.rules.try}
          </Button>
        </div>
        <div aria-live="polite">
          {error !== null && <Failure error={error} />}
          {error === null && data !== undefined && (
            <>
              <State of={data.matched ? 'matched' : 'unmatched'} />
              <ul className="issues">
                {data.why.map((line) => (
                  <li key={line}>{line}</li>
                ))}
              </ul>
            </>
          )}
        </div>
      </div>
    </Section>
  );
}
