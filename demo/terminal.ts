/** What the demo prints: aligned columns, and colours where somebody looks at them. */

type Paint = (text: string) => string;

const coloured =
  process.stdout.isTTY && (process.env['NO_COLOR'] ?? '') === '' && process.env['TERM'] !== 'dumb';

const paint =
  (code: number): Paint =>
  (text) =>
    coloured && text !== '' ? `\u001b[${code}m${text}\u001b[0m` : text;

export const bold = paint(1);
export const dim = paint(2);
export const red = paint(31);
export const green = paint(32);
export const yellow = paint(33);

export const say = (text = ''): void => void process.stdout.write(`${text}\n`);

export const heading = (text: string): void => say(`\n${bold(text)}`);

/** A step that takes a while: its name at once, how long it took when the next one begins. */
export class Progress {
  private running: { since: number } | undefined;

  begin(text: string): void {
    this.end();
    process.stdout.write(`  ${text} ${dim('…')}`);
    this.running = { since: performance.now() };
  }

  end(note = ''): void {
    if (this.running === undefined) return;
    const seconds = ((performance.now() - this.running.since) / 1000).toFixed(1);
    say(` ${dim(`${seconds} s`)}${note === '' ? '' : ` ${note}`}`);
    this.running = undefined;
  }

  /** The step did not come to its end; what follows says why. */
  interrupt(): void {
    if (this.running !== undefined) say();
    this.running = undefined;
  }
}

export interface Column {
  title: string;
  width: number;
  right?: boolean;
}

export interface Cell {
  text: string;
  paint?: Paint;
}

/** Cells are cut and padded before they are painted: escape sequences have no width. */
export function row(columns: readonly Column[], cells: readonly Cell[]): string {
  const parts = columns.map(({ width, right }, at) => {
    const { text = '', paint: painted = (plain: string) => plain } = cells[at] ?? { text: '' };
    const cut = at < columns.length - 1 && text.length > width ? `${text.slice(0, width - 1)}…` : text;
    const padding = ' '.repeat(Math.max(0, width - cut.length));
    return right === true ? padding + painted(cut) : painted(cut) + padding;
  });
  return `  ${parts.join('  ')}`.trimEnd();
}

export const headerRow = (columns: readonly Column[]): string =>
  row(
    columns,
    columns.map(({ title }) => ({ text: title, paint: dim })),
  );

/** Local time of the day, to the millisecond. */
export function clockTime(moment: Date): string {
  const two = (number: number): string => String(number).padStart(2, '0');
  const ms = String(moment.getMilliseconds()).padStart(3, '0');
  return `${two(moment.getHours())}:${two(moment.getMinutes())}:${two(moment.getSeconds())}.${ms}`;
}
