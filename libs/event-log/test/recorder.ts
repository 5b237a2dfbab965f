import { dropRepeats, type Appended, type ConsumerSpec, type EventLog, type LogRecord } from '../src/index.js';
import { numbered, numberIn } from './setting.js';

export const TOPIC = 'messaging.message.v1';

/** Appends numbers from … to …, spread over both partitions: the even ones to 0. */
export function appendNumbers(
  log: EventLog,
  from: number,
  to: number,
  idOf: (i: number) => string = () => '',
): Promise<Appended[]> {
  const appender = log.appender({ topics: [TOPIC], lane: 'request' });
  const numbers = Array.from({ length: to - from + 1 }, (_, i) => from + i);
  return Promise.all(
    numbers.map((i) => appender.append({ topic: TOPIC, key: 'k', partition: i % 2, events: [numbered(i, idOf(i))] })),
  );
}

/** A consumer that writes down what it is told. */
export class Recorder {
  readonly seen: LogRecord[] = [];
  readonly states: Record<string, unknown>[] = [];
  records = 0;
  caughtUp = 0;
  lost = 0;
  /** Where the work wants to begin. */
  from: number | undefined;

  constructor(readonly before: (record: LogRecord) => void = () => undefined) {}

  spec(changes: Partial<ConsumerSpec> = {}, once = false): ConsumerSpec {
    return {
      name: 'messaging.archive',
      topics: [TOPIC],
      onPoison: 'dead-letter',
      maxWaitMs: 50,
      gain: async ({ checkpoint }) => {
        if (checkpoint) this.states.push(checkpoint.state);
        let count = Number(checkpoint?.state['count'] ?? 0);
        const work = {
          process: async (records: LogRecord[]) => {
            for (const record of records) this.before(record);
            this.records += records.length;
            count += records.length;
            this.seen.push(...records);
          },
          state: () => ({ count }),
          caughtUp: () => (this.caughtUp += 1),
          lost: () => (this.lost += 1),
        };
        const { from } = this;
        return { ...(once ? dropRepeats(work, 60_000) : work), ...(from === undefined ? {} : { from }) };
      },
      ...changes,
    };
  }

  numbers(): number[] {
    return this.seen.flatMap(({ events }) => events.map(numberIn));
  }

  sorted(): number[] {
    return this.numbers().sort((x, y) => x - y);
  }

  /** Offsets rise by one in each partition, up to replays after a change of owner. */
  isOrdered(): boolean {
    const next = new Map<number, number>();
    return this.seen.every(({ partition, offset }) => {
      const expected = next.get(partition) ?? offset;
      next.set(partition, offset + 1);
      return offset === expected;
    });
  }
}
