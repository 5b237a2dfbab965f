import { collectionOf } from '@magpie/mongo';
import type { StateLogDocument } from '../src/generation-check.js';
import { Generations } from '../src/generations.js';
import type { LogAdmin } from '../src/log-admin.js';
import { LogWatch } from '../src/log-watch.js';
import type { Setting } from './setting.js';

export const TOPIC = 'messaging.message.v1';
const PARTITIONS = 2;

/** A log of which there is nothing but its length, and the owners of its topic. */
export class BareLog {
  clusterId = 'one';
  end = 0;
  /** Runs when the bounds were asked for, before they are answered. */
  asked: () => Promise<void> = () => Promise.resolve();
  readonly #opened: Generations[] = [];
  readonly #bounds = () => new Map([0, 1].map((p) => [p, { start: 0, end: p === 0 ? this.end : 0 }]));
  readonly #admin = {
    clusterId: async () => this.clusterId,
    bounds: async () => {
      await this.asked();
      return this.#bounds();
    },
    survey: async ([topic]: string[]) => ({
      clusterId: this.clusterId,
      bounds: new Map([[topic, this.#bounds()]]),
    }),
  } as unknown as LogAdmin;

  constructor(readonly setting: Setting) {}

  /** An owner that has checked the log. */
  async owner(holder: string): Promise<Generations> {
    const { connection, logger } = this.setting;
    const generations = new Generations({
      kafka: undefined as never,
      admin: this.#admin,
      namespace: '',
      hotPartitions: PARTITIONS,
      holder,
      states: collectionOf<StateLogDocument>(connection, 'state_log'),
      leases: collectionOf(connection, 'leases'),
      onRaise: () => undefined,
      logger,
    });
    this.#opened.push(generations);
    await generations.check([TOPIC]);
    return generations;
  }

  watch(generations: Generations): LogWatch {
    return new LogWatch({
      admin: this.#admin,
      generations,
      topics: [TOPIC],
      physical: (topic) => topic,
      ensureTopics: () => Promise.resolve(),
      logger: this.setting.logger,
    });
  }

  /** What the watch of an owner does every few seconds. */
  async look(generations: Generations): Promise<void> {
    const watching = this.watch(generations);
    await watching.look();
    await watching.close();
  }

  async close(): Promise<void> {
    await Promise.all(this.#opened.splice(0).map((generations) => generations.close()));
  }
}
