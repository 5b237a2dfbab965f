import { setTimeout as delay } from 'node:timers/promises';

import type { Service } from '../rig.js';
import { NotReached, type Row } from '../row.js';

const FIRES_WITHIN_MS = 20_000;
const PASSES = 20;
/** Long enough for several checkpoints, and for hundreds of messages that nobody may acknowledge. */
const AWAY_MS = 3_000;

const DEATHS = 2;

const afterCheckpoint = (service: Service): Row => ({
  name: `${service} dies right after checkpoints`,
  what: `The only process of ${service} dies just after it has written a checkpoint, and after it is back once more.`,
  shape: 'split',
  run: async ({ rig, choose }) => {
    const passes: number[] = [];
    for (let death = 0; death < DEATHS; death++) {
      const pass = 1 + choose(PASSES);
      if (!(await rig.dieAt(rig.process(service), 'checkpoint.after-write', pass, FIRES_WITHIN_MS))) {
        throw new NotReached(`${service} did not pass checkpoint.after-write ${pass} times`);
      }
      passes.push(pass);
      await rig.unhealthy();
    }
    return `at passes ${passes.join(' and ')}`;
  },
});

/** What waits for the broker is in memory alone; whoever dies with it must have claimed nothing of it. */
export const OUTAGES: readonly Row[] = [
  {
    name: 'kafka away, then messaging and sync killed',
    what:
      'The broker is killed just before sync appends to the inbox; 3 s later, with everything waiting for the broker, ' +
      'messaging and sync are killed; then all come back.',
    shape: 'split',
    run: async ({ rig, choose }) => {
      const [sync, messaging] = [rig.process('sync'), rig.process('messaging')];
      const pass = 1 + choose(PASSES);
      await rig.hold('kafka');
      try {
        await rig.arm(sync, { point: 'fan-out.before-inbox', pass, action: 'freeze' });
        const fired = await rig.fires(sync, FIRES_WITHIN_MS);
        await rig.disarm(sync);
        if (!fired) throw new NotReached(`${sync} did not pass fan-out.before-inbox ${pass} times`);
        await rig.kill('kafka');
        await rig.signal(sync, 'SIGCONT');
        await delay(AWAY_MS);
        await rig.kill(messaging);
        await rig.kill(sync);
      } finally {
        await rig.release('kafka');
      }
      return `sync at pass ${pass}`;
    },
  },
  afterCheckpoint('sync'),
  afterCheckpoint('messaging'),
];
