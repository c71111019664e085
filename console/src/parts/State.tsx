import { text } from '../text';

type Tone = 'good' | 'bad' | 'warn' | 'busy' | 'calm';

const TONES: Record<string, Tone> = {
  completed: 'good',
  success: 'good',
  delivered: 'good',
  healthy: 'good',
  active: 'good',
  enabled: 'good',
  matched: 'good',
  failed: 'bad',
  dead: 'bad',
  unhealthy: 'bad',
  open: 'bad',
  processing: 'busy',
  retrying: 'warn',
  retry: 'warn',
  half_open: 'warn',
  recovering: 'warn',
  maintenance: 'warn',
};

export const toneOf = (state: string): Tone => TONES[state] ?? 'calm';

/** A state in one word; the colour only repeats it. */
export const State = ({ of, label }: { of: string; label?: string }) => (
  <span className="state" data-tone={toneOf(of)}>
    {label ?? text.status[of] ?? of}
  </span>
);
