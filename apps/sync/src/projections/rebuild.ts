import { partitionsOf } from '@magpie/contracts';
import type { EventLog } from '@magpie/event-log';
import { FAN_OUT } from '../domain/names.js';
import type { FanOutState } from '../domain/fan-out-state.js';
import { SOURCE_TOPICS } from '../domain/place.js';

/** For how long an answer serves all feeds of this instance. */
const KEPT_MS = 200;

/** How far feeds that began without a checkpoint must come before they serve (machinery.md §4.6). */
export class Rebuild {
  #asked: { at: number; ends: Promise<readonly number[] | undefined> } | undefined;

  constructor(private readonly log: Pick<EventLog, 'checkpointsOf' | 'hotPartitions'>) {}

  /**
   * Key up to which the feed of an inbox partition holds all that stood in the sources when fan-out began; 0 = there was
   * nothing for it, undefined = fan-out has not come so far.
   */
  async endOf(partition: number): Promise<number | undefined> {
    const now = performance.now();
    if (this.#asked === undefined || now - this.#asked.at > KEPT_MS) this.#asked = { at: now, ends: this.#ends() };
    const ends = await this.#asked.ends;
    return ends && (ends[partition] ?? 0);
  }

  async #ends(): Promise<readonly number[] | undefined> {
    const ends: number[] = [];
    for (const topic of SOURCE_TOPICS) {
      const checkpoints = await this.log.checkpointsOf(FAN_OUT, topic);
      if (checkpoints.size < partitionsOf(topic, this.log.hotPartitions)) return undefined;
      for (const { state } of checkpoints.values()) {
        const { rebuilt, emitted = [] } = state as unknown as Partial<FanOutState>;
        if (rebuilt !== true) return undefined;
        emitted.forEach((position, partition) => (ends[partition] = Math.max(ends[partition] ?? 0, position)));
      }
    }
    return ends;
  }
}
