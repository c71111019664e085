import { Alert, Button, Text } from '@mantine/core';
import { ApiError } from '../../../client/src/errors';
import { text } from '../text';

/** What the service says of a refusal: the field, the reason, the way out, and what finds it in the log. */
export function Failure({ error, again }: { error: unknown; again?: () => void }) {
  const refusal = error instanceof ApiError ? error : undefined;
  return (
    <Alert color="red" variant="outline" role="alert" title={refusal?.code ?? text.common.noConnection}>
      <Text size="sm">
        {refusal?.envelope?.message ?? (error instanceof Error ? error.message : String(error))}
      </Text>
      {refusal !== undefined && refusal.details.length > 0 && (
        <ul className="issues">
          {refusal.details.map(({ field, issue }) => (
            <li key={`${field} ${issue}`}>
              <code>{field}</code> {issue}
            </li>
          ))}
        </ul>
      )}
      {refusal?.requestId !== undefined && (
        <Text size="xs" c="dimmed">
          {text.common.requestId} <code>{refusal.requestId}</code>
        </Text>
      )}
      {again !== undefined && (
        <Button size="xs" variant="default" mt="xs" onClick={again}>
          {text.common.tryAgain}
        </Button>
      )}
    </Alert>
  );
}
