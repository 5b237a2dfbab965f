import { setTimeout as delay } from 'node:timers/promises';

import type { Row } from '../row.js';
import { fill, makeRoom, type Volume } from '../volumes.js';

const FULL_FOR_MS = 10_000;

const diskFull = (volume: Volume, server: string): Row => ({
  name: `disk full: ${volume}`,
  what: `${server}'s volume is full for 10 s, down to the last byte.`,
  shape: 'disks',
  run: async ({ rig }) => {
    try {
      await fill(rig.dataDir, volume);
      await delay(FULL_FOR_MS);
      return (await rig.isUp(volume)) ? `${volume} lived through it` : `${volume} ended`;
    } finally {
      await makeRoom(rig.dataDir, volume);
    }
  },
});

/** A disk that is full, and is given room again. */
export const DISKS: readonly Row[] = [diskFull('kafka', 'Kafka'), diskFull('mongod', 'MongoDB')];
