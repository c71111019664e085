import { type JobStatus } from '../../../../client/src/types';
import { toneOf } from '../../parts/State';
import { locale, text } from '../../text';
import { type Attempt } from './Deliveries';

const WIDTH = 1000;
const clock = new Intl.DateTimeFormat(locale, { timeStyle: 'medium' });

interface TimelineProps {
  job: JobStatus;
  name: string;
  attempts: readonly Attempt[];
}

/** Attempts as bars between the submission and the end, or now; all destinations of a job have the same axis. */
export function Timeline({ job, name, attempts }: TimelineProps) {
  const begin = Date.parse(job.submitted_at);
  const end = Math.max(job.completed_at === null ? Date.now() : Date.parse(job.completed_at), begin + 1);
  const at = (moment: number): number =>
    (Math.min(Math.max(moment - begin, 0), end - begin) / (end - begin)) * WIDTH;
  return (
    <>
      <svg
        className="timeline"
        viewBox={`0 0 ${WIDTH} 36`}
        preserveAspectRatio="none"
        role="img"
        aria-label={text.job.timeline(name, attempts.length)}
      >
        <line className="axis" x1={0} x2={WIDTH} y1={18} y2={18} strokeWidth={2} />
        {attempts.map((attempt) => {
          const from = at(Date.parse(attempt.started_at ?? job.submitted_at));
          const to = attempt.completed_at === null ? WIDTH : at(Date.parse(attempt.completed_at));
          // Short ones would not be seen, and the last one must not fall off.
          const width = Math.max(to - from, 8);
          return (
            <rect
              key={attempt.attempt_id}
              data-fill={toneOf(attempt.status)}
              x={Math.min(from, WIDTH - width)}
              y={8}
              width={width}
              height={20}
              rx={3}
            >
              <title>{`${text.job.attempt(attempt.attempt_number)}: ${text.status[attempt.status] ?? attempt.status}`}</title>
            </rect>
          );
        })}
      </svg>
      <div className="axis-labels" aria-hidden>
        <span>{clock.format(begin)}</span>
        <span>{clock.format(end)}</span>
      </div>
    </>
  );
}
