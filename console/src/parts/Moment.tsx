import { locale, text } from '../text';

const full = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' });
const today = new Intl.DateTimeFormat(locale, { timeStyle: 'medium' });
const other = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });

const isToday = (date: Date): boolean => date.toDateString() === new Date().toDateString();

/** The time alone where it is of today; the whole of it on pointing. */
export function Moment({ at }: { at: string | null | undefined }) {
  if (at === null || at === undefined) return <>{text.common.none}</>;
  const date = new Date(at);
  return (
    <time dateTime={at} title={full.format(date)}>
      {(isToday(date) ? today : other).format(date)}
    </time>
  );
}

/** For humans: 45 s, 3 min, 2 h, 5 d. */
export function age(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}
