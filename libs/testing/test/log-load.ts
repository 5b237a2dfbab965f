import type { TopicName } from '@magpie/contracts';
import { dropRepeats, type Appended, type EventLog, type LogRecord } from '@magpie/event-log';
import { setTimeout as after } from 'node:timers/promises';

const TOPIC: TopicName = 'messaging.message.v1';
const KEYS = 10;
/** About 300 records a second. */
const TICK_MS = 10;
const RECORDS_PER_TICK = 3;
const WINDOW_MS = 180_000;

/** A record that Kafka has, as its appender was told. */
export interface Acknowledged extends Appended {
  readonly key: string;
  /** Counts within the key. */
  readonly number: number;
}

/** Appends to several keys without waiting for answers, and remembers what was acknowledged. */
export class LogLoad {
  readonly acknowledged: Acknowledged[] = [];
  readonly #running: Promise<void>;
  readonly #answers = new Set<Promise<unknown>>();
  #next = 0;
  #stopped = false;

  constructor(log: EventLog) {
    const appender = log.appender({ topics: [TOPIC], lane: 'persistent' });
    const append = (n: number): void => {
      const key = `k${n % KEYS}`;
      const number = Math.floor(n / KEYS);
      const body = Buffer.from(String(number));
      const events = [{ type: 'test.Numbered', body, feed: undefined, dedupeId: `${key}/${number}` }];
      const answer = appender
        .append({ topic: TOPIC, key, events })
        .then((place) => void this.acknowledged.push({ ...place, key, number }));
      this.#answers.add(answer);
      // What is rejected when the log closes was not promised.
      void answer.catch(() => undefined).finally(() => this.#answers.delete(answer));
    };
    this.#running = (async () => {
      while (!this.#stopped) {
        for (let i = 0; i < RECORDS_PER_TICK; i += 1) append(this.#next++);
        await after(TICK_MS);
      }
    })();
  }

  /** Whether all that is appended until now is acknowledged in time. */
  async flows(withinMs: number): Promise<boolean> {
    await after(TICK_MS);
    const all = Promise.all(this.#answers).then(() => true);
    return Promise.race([all, after(withinMs, false, { ref: false })]);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }
}

/** A consumer whose effect is a table of what it was told, by place: to be told the same again changes nothing. */
export class LogReader {
  readonly #byPlace = new Map<string, LogRecord>();

  static async start(log: EventLog, name: string): Promise<LogReader> {
    const reader = new LogReader();
    await log.consume({
      name,
      topics: [TOPIC],
      onPoison: 'stop',
      rememberMs: WINDOW_MS,
      gain: async () => dropRepeats(reader.#work(), WINDOW_MS),
    });
    return reader;
  }

  #work() {
    return {
      process: async (records: LogRecord[]) => {
        for (const record of records) {
          if (record.events.length > 0) this.#byPlace.set(`${record.partition}/${record.position}`, record);
        }
      },
      state: () => ({}),
      lost: () => undefined,
    };
  }

  /** Those of the records that the effect does not hold, as `key/number`. */
  missing(acknowledged: readonly Acknowledged[]): string[] {
    const ids = this.#places();
    return acknowledged.map(({ key, number }) => `${key}/${number}`).filter((id) => !ids.has(id));
  }

  /** What is wrong, in words; empty = nothing. */
  faults(acknowledged: readonly Acknowledged[]): string[] {
    const faults: string[] = [];
    const places = this.#places();
    for (const id of this.missing(acknowledged)) faults.push(`lost: ${id}`);
    for (const [id, at] of places) if (at.length > 1) faults.push(`twice: ${id} at ${at.join(', ')}`);
    return [...faults, ...this.disorder()].slice(0, 10);
  }

  /** Records of a key that stand before one with a lower number. */
  disorder(): string[] {
    const faults: string[] = [];
    const last = new Map<string, number>();
    for (const record of this.#inOrder()) {
      const number = numberIn(record);
      if (number <= (last.get(record.key) ?? -1)) faults.push(`order: ${record.key}/${number}`);
      last.set(record.key, number);
    }
    return faults;
  }

  #places(): Map<string, number[]> {
    const places = new Map<string, number[]>();
    for (const record of this.#byPlace.values()) {
      const id = `${record.key}/${numberIn(record)}`;
      const at = places.get(id);
      if (at) at.push(record.position);
      else places.set(id, [record.position]);
    }
    return places;
  }

  #inOrder(): LogRecord[] {
    return [...this.#byPlace.values()].sort((a, b) => a.position - b.position);
  }
}

function numberIn(record: LogRecord): number {
  return Number(Buffer.from(record.events[0]!.body).toString());
}
