import { setTimeout as delay } from 'node:timers/promises';

import { createConnection } from 'mongoose';

import { CheckpointOrder, type CheckpointSeen } from './checkpoint-order.js';

/** An owner writes about every 500 ms: a wrong write stands until the next right one. */
const LOOK_EVERY_MS = 100;
const FIND_PRIMARY_MS = 1_000;
const COLLECTION = 'checkpoints';

/** Looks at all checkpoints of some databases again and again. What the database cannot be asked for is passed over. */
export class CheckpointWatch {
  private readonly order = new CheckpointOrder();
  private readonly watching: Promise<void>;
  private failed: string | undefined;
  private ended = false;

  constructor(uri: string, databases: readonly string[]) {
    this.watching = this.watch(uri, databases).catch((error: Error) => {
      this.failed = `checkpoints were not watched: ${error.message}`;
    });
  }

  /** Ends the watch; answers what was wrong, also with the watch itself. */
  async end(): Promise<readonly string[]> {
    this.ended = true;
    await this.watching;
    return [...this.order.faults(), ...(this.failed === undefined ? [] : [this.failed])];
  }

  private async watch(uri: string, databases: readonly string[]): Promise<void> {
    // What a majority has not is not there for good: a mongod that dies may forget it.
    const connection = createConnection(uri, {
      readConcern: { level: 'majority' },
      serverSelectionTimeoutMS: FIND_PRIMARY_MS,
      autoCreate: false,
      autoIndex: false,
    });
    try {
      const client = (await connection.asPromise()).getClient();
      while (!this.ended) {
        for (const name of databases) {
          const found = client.db(name).collection<CheckpointSeen>(COLLECTION).find();
          const checkpoints = await found
            .project<CheckpointSeen>({ epoch: 1, next: 1, generation: 1 })
            .toArray()
            .catch(() => undefined);
          if (checkpoints !== undefined) this.order.see(name, checkpoints);
        }
        await delay(LOOK_EVERY_MS);
      }
    } finally {
      await connection.close();
    }
  }
}
