import { setTimeout as delay } from 'node:timers/promises';
import { partitionsOf } from '@magpie/contracts';
import type { Consumer, LogRecord, PartitionWork } from '@magpie/event-log';
import type { RebuildOptions } from './rebuild-watch.js';
import { FROM_STORE } from './version-rule.js';
import type { FoldedDocument, StreamRecord } from './view.js';

const LOOK_MS = 50;
/** Of the topic's records that one fetch brings; decoded at one go, which keeps everything else from running. */
const FETCH_BYTES_MAX = 2_097_152;

/** A rebuild's new collection while it fills. */
export interface Filling {
  source: 'topic' | 'store';
  /** Events of this source that are handled, and that it is known to hold. */
  done: number;
  total: number;
  /** Events that the view cannot read. */
  unreadable: number;
  readonly over: AbortSignal;
  /** Answers how many documents that changed. */
  take(records: readonly StreamRecord[]): Promise<number>;
  /** Whether a document is missing, or behind one of these versions of its stream. */
  lacks(versions: readonly Pick<StreamRecord, 'key' | 'version'>[]): Promise<boolean>;
}

type SourceOptions = Pick<RebuildOptions<FoldedDocument>, 'log' | 'owner' | 'logger'> & {
  readonly view: { readonly name: string; readonly topic: RebuildOptions<FoldedDocument>['view']['topic'] };
};

/**
 * Takes the topic from its start to the end that is seen now, by a consumer of its own. Partitions that stand still after
 * an alarm are left to the store.
 */
export async function readTopic(options: SourceOptions, filling: Filling): Promise<void> {
  const { view, log, logger } = options;
  const partitions = partitionsOf(view.topic, log.hotPartitions);
  const ended = new Set<number>();
  const counts = new Map<number, Count>();
  filling.source = 'topic';
  const consumer = await log.consume({
    name: `${view.name}.rebuild`,
    topics: [view.topic],
    once: true,
    startWithout: 'earliest',
    onPoison: 'stop',
    maxBytes: FETCH_BYTES_MAX,
    gain: async (at) => {
      // One that is gained anew is read from its start again.
      const count = { done: 0, total: 0 };
      counts.set(at.partition, count);
      const told = () => Object.assign(filling, sumOf(counts.values()));
      return workOf(filling, at.logEnd, count, told, () => ended.add(at.partition));
    },
  });
  try {
    while (ended.size < partitions) {
      for (const { partition } of stoppedBefore(consumer, ended)) {
        logger.warn({ partition }, 'the topic cannot be read to its end: the rest comes from the store');
        ended.add(partition);
      }
      await delay(LOOK_MS, undefined, { signal: filling.over });
    }
  } finally {
    await consumer.stop();
  }
}

function stoppedBefore(consumer: Consumer, ended: ReadonlySet<number>) {
  return consumer.stopped().filter(({ partition }) => !ended.has(partition));
}

/** Records of a partition that are handled, and those that it is known to hold. */
interface Count {
  done: number;
  total: number;
}

function sumOf(counts: Iterable<Count>): Count {
  const sum = { done: 0, total: 0 };
  for (const { done, total } of counts) {
    sum.done += done;
    sum.total += total;
  }
  return sum;
}

function workOf(
  filling: Filling,
  logEnd: number,
  count: Count,
  onCount: () => void,
  caughtUp: () => void,
): PartitionWork {
  let first: number | undefined;
  return {
    // Also where a reading that was given up has left checkpoints.
    from: 0,
    async process(records: LogRecord[]) {
      // Given up: what comes now is nobody's, and is not tried again.
      if (filling.over.aborted) return;
      first ??= records[0]!.offset;
      count.total = Math.max(0, logEnd - first);
      await filling.take(records);
      count.done += records.length;
      onCount();
    },
    state: () => ({}),
    caughtUp,
    lost: () => undefined,
  };
}

/**
 * Takes from the owner's store what the topic has lost, and streams that it never showed. Where the topic had all, the
 * versions tell so, and no event is read twice; where it had not, whole pages are taken until one brings nothing new.
 */
export async function readStore({ view, owner }: SourceOptions, filling: Filling): Promise<void> {
  Object.assign(filling, { source: 'store', done: 0, total: 0 });
  const ask = (pageToken: string, withoutEvents: boolean) => {
    const answer = owner.readEvents({ topic: view.topic, pageToken, withoutEvents });
    // Asked ahead: awaited in the next turn, or by nobody.
    answer.catch(() => undefined);
    return { pageToken, withoutEvents, answer };
  };
  let versionsDo = true;
  let asked = ask('', versionsDo);
  for (;;) {
    const { pageToken, withoutEvents, answer } = asked;
    const { entries, total, nextPageToken } = await answer;
    filling.over.throwIfAborted();
    filling.total = Math.max(filling.total, total);
    const ahead = nextPageToken === '' ? undefined : ask(nextPageToken, versionsDo);
    if (!withoutEvents) {
      const changed = await filling.take(entries.map((entry) => ({ ...entry, position: FROM_STORE })));
      versionsDo = changed === 0;
      filling.done += entries.length;
    } else if (await filling.lacks(entries)) {
      versionsDo = false;
      asked = ask(pageToken, versionsDo);
      continue;
    } else filling.done += entries.length;
    if (ahead === undefined) return;
    asked = ahead;
  }
}
