import { ANYWHERE } from '../database/hints';
import { type WakeUps } from '../database/wake-ups';
import { type DeliveryWorker } from '../delivery/worker';
import { type DueLane } from '../kernel/priority';

/** This process's own worker at once, the others by a hint. */
export const wakeBoth =
  (wakeUps: WakeUps, worker: DeliveryWorker) =>
  (due: readonly DueLane[]): void => {
    if (due.length === 0) return;
    worker.wake(due);
    wakeUps.send(due.map(({ laneId }) => laneId));
  };

/** Where something is due is not known here: whoever is woken looks. */
export const wakeAnywhere = (wakeUps: WakeUps, worker: DeliveryWorker) => (): void => {
  worker.wake();
  wakeUps.send([ANYWHERE]);
};
