import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { KeyWatch } from '@magpie/testing';

import { dropDatabase, dropViews, holdBack, letGo } from '../databases.js';
import { databaseOf, type Rig, type Service } from '../rig.js';
import { NotReached, SHAPES, type Row } from '../row.js';

const DOWN_MS = 1_000;
/** What a broker that lost its power has not: it recovers every segment that these do not vouch for. */
const KAFKA_CHECKPOINTS = /^(\.kafka_cleanshutdown|recovery-point-offset-checkpoint|replication-offset-checkpoint)$/;

/** Kills a process, does something while it is down, and lets it be started again. */
async function whileDown(rig: Rig, name: string, act: () => Promise<void>): Promise<void> {
  await rig.hold(name);
  try {
    await rig.kill(name);
    await act();
  } finally {
    await rig.release(name);
  }
}

const kafkaLog = (rig: Rig): string => join(rig.dataDir, 'kafka/log');

const WIPED_KAFKA: Row = {
  name: 'kafka wiped',
  what: 'The broker is killed and its data deleted; MongoDB stays. What was acknowledged and not yet in a feed is excused.',
  shape: 'split',
  losesLog: true,
  run: async ({ rig, trial }) => {
    const diedAt = performance.now();
    await whileDown(rig, 'kafka', async () => {
      await delay(DOWN_MS);
      trial.excuseUnderWay(diedAt);
      await rm(kafkaLog(rig), { recursive: true });
    });
  },
};

const UNCLEAN_KAFKA: Row = {
  name: 'unclean broker',
  what: 'The broker is killed and the files deleted by which it knows how much of its log is whole.',
  shape: 'split',
  run: async ({ rig }) => {
    const deleted: string[] = [];
    await whileDown(rig, 'kafka', async () => {
      for (const file of await readdir(kafkaLog(rig))) {
        if (!KAFKA_CHECKPOINTS.test(file)) continue;
        await rm(join(kafkaLog(rig), file));
        deleted.push(file);
      }
    });
    return `deleted ${deleted.join(', ')}`;
  },
};

const DROPPED_SYNC: Row = {
  name: "sync's database dropped",
  what: 'sync is killed and its database dropped; devices begin anew, and nothing is missing.',
  shape: 'split',
  run: ({ rig }) => whileDown(rig, rig.process('sync'), () => dropDatabase(rig.mongodb, databaseOf('sync'))),
};

const DROPPED_VIEWS: Row = {
  name: "social's views dropped",
  what: 'social is killed and every view_ collection of its database dropped; who signed up before is found again too.',
  shape: 'split',
  run: async ({ rig }) => {
    let dropped: readonly string[] = [];
    await whileDown(rig, rig.process('social'), async () => {
      dropped = await dropViews(rig.mongodb, databaseOf('social'));
    });
    if (dropped.length === 0) throw new NotReached('social keeps no views');
    return dropped.join(', ');
  },
};

/** Several rounds of checkpoints. */
const HELD_BACK_MS = 2_500;

/** How long feeds are looked at once they are back. */
const SERVED_FOR_MS = 3_000;

const rowsHeldBack = (service: Service, collection: string): Row => ({
  name: `${service} killed with ${collection} held back`,
  what:
    `MongoDB takes no row of ${collection} for ${HELD_BACK_MS / 1000} s, while checkpoints go on; ` +
    `then the only process of ${service} is killed.`,
  shape: 'split',
  run: async ({ rig }) => {
    await holdBack(rig.mongodb, { database: databaseOf(service), collection, commands: ['insert'] });
    try {
      await delay(HELD_BACK_MS);
      await rig.kill(rig.process(service));
    } finally {
      await letGo(rig.mongodb);
    }
  },
});

const FAR_BEHIND: Row = {
  name: 'sync killed far behind its checkpoints',
  what:
    `MongoDB takes no checkpoint of sync for ${HELD_BACK_MS / 1000} s; then one of its two processes is killed, and the ` +
    'other has all of that to replay.',
  shape: 'pairs',
  run: async ({ rig, load, choose }) => {
    const name = rig.process('sync', choose(SHAPES.pairs.instances));
    const keys = new KeyWatch(load.users);
    let fell: ReadonlySet<string>;
    try {
      await holdBack(rig.mongodb, { database: databaseOf('sync'), collection: 'checkpoints', commands: ['update'] });
      try {
        await delay(HELD_BACK_MS);
        await rig.kill(name);
      } finally {
        await letGo(rig.mongodb);
      }
      await rig.unhealthy();
      await delay(SERVED_FOR_MS);
    } finally {
      fell = await keys.end();
    }
    const { size } = fell;
    if (size > 0) throw new Error(`the feeds of ${size} users fell behind what had been given of them`);
    return name;
  },
};

/** What becomes of the services when their stores lose something. */
export const STORES: readonly Row[] = [
  rowsHeldBack('messaging', 'state_message'),
  rowsHeldBack('sync', 'timeline'),
  FAR_BEHIND,
  DROPPED_SYNC,
  DROPPED_VIEWS,
  UNCLEAN_KAFKA,
  WIPED_KAFKA,
];
