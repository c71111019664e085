import { Button } from '@mantine/core';
import { Link, useLocation } from 'wouter';
import { useAsked } from '../../asked';
import { Loaded } from '../../parts/Loaded';
import { Page } from '../../parts/Page';
import { text } from '../../text';
import { DestinationForm } from './DestinationForm';

export default function NewDestination() {
  const [, go] = useLocation();
  const types = useAsked(['destination-types'], (client, signal) => client.destinations.types({ signal }));
  return (
    <Page title={text.destinations.new}>
      <Loaded asked={types}>
        {(found) => (
          <DestinationForm
            types={found}
            save={(client, input) => client.destinations.register(input)}
            onSaved={({ name }) => go(`/destinations/${name}`)}
          >
            <Button component={Link} href="/destinations" variant="default">
              {text.common.cancel}
            </Button>
          </DestinationForm>
        )}
      </Loaded>
    </Page>
  );
}
