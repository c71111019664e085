import { type Figure, type Report } from '../report';
import { type Receiver } from '../processes';

/** How large the parts are. */
export interface Scale {
  baselineSeconds: number;
  jobs: number;
  backlog: number;
  steadySeconds: number;
  fairnessSeconds: number;
  /** Attempts of history. */
  history: number;
  bloatMinutes: number;
}

export const FULL: Scale = {
  baselineSeconds: 4,
  jobs: 24_000,
  backlog: 50_000,
  steadySeconds: 20,
  fairnessSeconds: 30,
  history: 5_000_000,
  bloatMinutes: 10,
};

/** For trying things out; its figures are rough. */
export const SHORT: Scale = {
  baselineSeconds: 2,
  jobs: 9000,
  backlog: 10_000,
  steadySeconds: 8,
  fairnessSeconds: 10,
  history: 200_000,
  bloatMinutes: 0.5,
};

/** What one part of the scenario is given. */
export interface Run {
  report: DeliveryReport;
  receiver: Receiver;
  scale: Scale;
  /** Raw POSTs a second, measured now: beside the figure that it is the baseline of. */
  rawPost: () => Promise<number>;
  maxRate: MaxRate;
}

/** Figures of the scenario `delivery`. */
export class DeliveryReport {
  constructor(private readonly report: Report) {}

  alone(figure: string, value: number, unit: string): void {
    this.report({ scenario: 'delivery', figure, value, unit });
  }

  over(figure: string, value: number, unit: string, baseline: string, baselineValue: number): void {
    const line: Figure = { scenario: 'delivery', figure, value, unit };
    this.report({ ...line, baseline, baseline_value: baselineValue, ratio: value / baselineValue });
  }
}

/** Deliveries a second with one destination a job: measured by the first part that needs it. */
export class MaxRate {
  private value: number | undefined;

  constructor(private readonly measure: () => Promise<number>) {}

  is(value: number): void {
    this.value = value;
  }

  async get(): Promise<number> {
    return (this.value ??= await this.measure());
  }
}
