import { Text } from '@mantine/core';
import { type Timeseries } from '../../../../client/src/types';
import { Rows } from '../../parts/Rows';
import { State } from '../../parts/State';
import { locale, text } from '../../text';

type Hour = Timeseries['hours'][number];

/** From the ground up. */
const PARTS = [
  ['completed', 'good'],
  ['failed', 'bad'],
  ['cancelled', 'calm'],
  ['open', 'busy'],
] as const;

const WIDTH = 720;
const GROUND = 150;

const partsOf = ({ completed, failed, cancelled, pending, processing }: Hour): Record<string, number> => ({
  completed,
  failed,
  cancelled,
  open: pending + processing,
});
const totalOf = (hour: Hour): number => Object.values(partsOf(hour)).reduce((sum, count) => sum + count, 0);
const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' });
const labelOf = (part: string): string =>
  (part === 'open' ? text.status['pending'] : text.status[part]) ?? part;

export function HoursChart({ hours }: { hours: readonly Hour[] }) {
  const most = Math.max(...hours.map(totalOf));
  if (most === 0) return <Text c="dimmed">{text.overview.quiet}</Text>;
  const step = WIDTH / hours.length;
  return (
    <>
      <Text size="xs" c="dimmed" aria-hidden>
        {most.toLocaleString(locale)}
      </Text>
      <svg
        className="chart"
        viewBox={`0 0 ${WIDTH} ${GROUND + 1}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={text.overview.chart}
      >
        <line x1={0} x2={WIDTH} y1={GROUND} y2={GROUND} />
        <line x1={0} x2={WIDTH} y1={1} y2={1} />
        {hours.map((hour, index) => (
          <Bar key={hour.hour} hour={hour} x={index * step} width={step} scale={(GROUND - 1) / most} />
        ))}
      </svg>
      <div className="axis-labels" aria-hidden>
        {hours
          .filter((_, index) => index % 6 === 0)
          .map(({ hour }) => (
            <span key={hour}>{clock.format(new Date(hour))}</span>
          ))}
        <span>{clock.format(new Date())}</span>
      </div>
      <div className="legend">
        {PARTS.map(([part]) => (
          <State key={part} of={part === 'open' ? 'processing' : part} label={labelOf(part)} />
        ))}
      </div>
      <details>
        <summary>{text.overview.chartTable}</summary>
        <Rows
          caption={text.overview.chart}
          rows={hours.filter((hour) => totalOf(hour) > 0)}
          keyOf={({ hour }) => hour}
          columns={[
            { label: text.overview.hour, cell: ({ hour }) => clock.format(new Date(hour)) },
            ...PARTS.map(([part]) => ({ label: labelOf(part), cell: (hour: Hour) => partsOf(hour)[part] })),
          ]}
        />
      </details>
    </>
  );
}

function Bar({ hour, x, width, scale }: { hour: Hour; x: number; width: number; scale: number }) {
  const counts = partsOf(hour);
  let top = GROUND;
  return (
    <g>
      <title>{`${clock.format(new Date(hour.hour))}: ${totalOf(hour)}`}</title>
      {PARTS.map(([part, fill]) => {
        const height = (counts[part] ?? 0) * scale;
        top -= height;
        return <rect key={part} data-fill={fill} x={x + 2} width={width - 4} y={top} height={height} />;
      })}
    </g>
  );
}
