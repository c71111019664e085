import { type Attempt, type JobStatus } from './api';
import { type Arrival } from './receivers/receiver';
import { type Cell, clockTime, type Column, dim, green, headerRow, red, row, yellow } from './terminal';
import { type Happening } from './watch';

const COLUMNS: Column[] = [
  { title: 'TIME', width: 12 },
  { title: 'TENANT', width: 8 },
  { title: 'JOB', width: 3, right: true },
  { title: 'DESTINATION', width: 17 },
  { title: 'TRY', width: 3, right: true },
  { title: 'RESULT', width: 9 },
  { title: 'STATUS', width: 6, right: true },
  { title: 'MS', width: 4, right: true },
  { title: 'SIGNATURE', width: 9 },
  { title: 'NEXT ATTEMPT', width: 12 },
];

export const attemptsHeader = (): string => headerRow(COLUMNS);

export function happeningRow(happening: Happening): string {
  const { at, job } = happening;
  const start = [{ text: clockTime(at), paint: dim }, { text: job.tenant.id }, { text: String(job.number) }];
  return row(COLUMNS, [...start, ...rest(happening)]);
}

function rest(happening: Happening): Cell[] {
  switch (happening.kind) {
    case 'attempt':
      return attempt(happening);
    case 'callback':
      return callback(happening);
    case 'end':
      return [{ text: '= the job' }, { text: '' }, statusCell(happening.job.status)];
  }
}

export const statusCell = (status: JobStatus['status']): Cell => ({
  text: status,
  paint: status === 'completed' ? green : status === 'failed' ? red : yellow,
});

function attempt({ attempt, arrival }: Extract<Happening, { kind: 'attempt' }>): Cell[] {
  return [
    { text: attempt.destination },
    { text: String(attempt.attempt_number) },
    resultCell(attempt),
    { text: String(attempt.response.status ?? '–') },
    { text: String(attempt.response_time_ms ?? '') },
    signatureCell(arrival),
    { text: nextAttempt(attempt), paint: dim },
  ];
}

function callback({ arrival }: Extract<Happening, { kind: 'callback' }>): Cell[] {
  return [
    { text: '→ callback' },
    { text: String(arrival.attempt) },
    { text: 'received', paint: green },
    { text: String(arrival.answered) },
    { text: '' },
    signatureCell(arrival),
    { text: eventType(arrival), paint: dim },
  ];
}

function resultCell({ status, error_code }: Attempt): Cell {
  if (status === 'success') return { text: 'delivered', paint: green };
  if (status === 'retry') return { text: 'retry', paint: yellow };
  return { text: error_code === 'RECEIVER_REFUSED' ? 'refused' : status, paint: red };
}

function signatureCell(arrival: Arrival | undefined): Cell {
  if (arrival === undefined) return { text: '–', paint: dim };
  return arrival.forged === undefined ? { text: 'verified', paint: green } : { text: 'INVALID', paint: red };
}

function nextAttempt({ status, next_attempt_at, completed_at, error_code }: Attempt): string {
  if (status === 'failed') return `none: ${error_code ?? 'failed'}`;
  if (status !== 'retry' || next_attempt_at === null || completed_at === null) return '';
  const seconds = (Date.parse(next_attempt_at) - Date.parse(completed_at)) / 1000;
  return `in ${seconds.toFixed(1)} s`;
}

export function eventType({ body }: Arrival): string {
  const type = (body as { event_type?: unknown } | undefined)?.event_type;
  return typeof type === 'string' ? type : 'not an event';
}
