import { setTimeout as delay } from 'node:timers/promises';

import type { Row } from '../row.js';

const ROUNDS = 50;
const EVERY_MS = 100;

/** The network between devices and gateway. */
export const LINKS: readonly Row[] = [
  {
    name: 'links cut',
    what: 'For 5 s the link of a device is cut every 100 ms, whatever is on its way on it.',
    shape: 'one',
    run: async ({ load, choose }) => {
      const { devices } = load;
      for (let round = 0; round < ROUNDS; round++) {
        devices[choose(devices.length)]!.cut();
        await delay(EVERY_MS);
      }
    },
  },
];
