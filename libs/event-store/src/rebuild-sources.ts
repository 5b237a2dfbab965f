import { setTimeout as delay } from 'node:timers/promises';
import { partitionsOf } from '@magpie/contracts';
import type { Consumer, LogRecord, PartitionWork } from '@magpie/event-log';
import type { RebuildOptions } from './rebuild-watch.js';
import { FROM_STORE } from './version-rule.js';
import type { FoldedDocument, StreamRecord } from './view.js';
import { ALL_KEYS, type KeyRange } from './view-writer.js';

const LOOK_MS = 50;
/** The whole is compared a few times: a commit of that moment, which the view has not yet, makes it differ. */
const WHOLE_TRIES = 3;
/** Ranges that are compared at the same time. */
const SUMS_AT_ONCE = 4;
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
  /** Ranges that cover all keys, each of not too many documents. */
  ranges(): Promise<KeyRange[]>;
  /** The versions of all documents of a range together. */
  versionSum(range: KeyRange): Promise<number>;
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
 * Takes from the owner's store what the topic has lost, and streams that it never showed. Where the sums of the versions
 * are equal, nothing is lacking: what the collection holds when it is asked, the store held before it was, so no version is
 * ahead of the store's, and a sum of some that are behind is less. Where they are not, also because something was committed
 * a moment ago, the versions tell, and no event is read twice; where those are not there, whole pages are taken until one
 * brings nothing new. An owner that cannot tell sums is asked for all versions.
 */
export async function readStore({ view, owner }: SourceOptions, filling: Filling): Promise<void> {
  Object.assign(filling, { source: 'store', done: 0, total: 0 });
  const sumOf = async (range: KeyRange): Promise<number | undefined> =>
    (await owner.readEvents({ topic: view.topic, ...range, versionSum: true })).versionSum;
  const compare = async (range: KeyRange) => {
    const held = await filling.versionSum(range);
    return { range, held, there: await sumOf(range) };
  };
  const pages = { topic: view.topic, owner, filling, versionsDo: true };
  for (let tries = 1; tries <= WHOLE_TRIES; tries += 1) {
    const { held, there } = await compare(ALL_KEYS);
    if (there === undefined) return readPages(pages, ALL_KEYS);
    filling.total = there;
    if (held === there) return void (filling.done = there);
    filling.over.throwIfAborted();
  }
  for (const ranges of portionsOf(await filling.ranges(), SUMS_AT_ONCE)) {
    filling.over.throwIfAborted();
    for (const { range, held, there } of await Promise.all(ranges.map(compare))) {
      if (held === there) filling.done += there;
      else await readPages(pages, range);
    }
  }
  filling.total = Math.max(filling.total, filling.done);
}

interface Pages {
  readonly topic: SourceOptions['view']['topic'];
  readonly owner: SourceOptions['owner'];
  readonly filling: Filling;
  /** Whether the collection is likely to have what comes next. */
  versionsDo: boolean;
}

async function readPages(pages: Pages, range: KeyRange): Promise<void> {
  const { topic, owner, filling } = pages;
  const ask = (pageToken: string) => {
    const withoutEvents = pages.versionsDo;
    const answer = owner.readEvents({ topic, ...range, pageToken, withoutEvents });
    // Asked ahead: awaited in the next turn, or by nobody.
    answer.catch(() => undefined);
    return { pageToken, withoutEvents, answer };
  };
  let asked = ask('');
  for (;;) {
    const { pageToken, withoutEvents, answer } = asked;
    const { entries, total, nextPageToken } = await answer;
    filling.over.throwIfAborted();
    filling.total = Math.max(filling.total, total);
    const ahead = nextPageToken === '' ? undefined : ask(nextPageToken);
    if (!withoutEvents) {
      const changed = await filling.take(entries.map((entry) => ({ ...entry, position: FROM_STORE })));
      pages.versionsDo = changed === 0;
      filling.done += entries.length;
    } else if (await filling.lacks(entries)) {
      pages.versionsDo = false;
      asked = ask(pageToken);
      continue;
    } else filling.done += entries.length;
    if (ahead === undefined) return;
    asked = ahead;
  }
}

function portionsOf<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, n) => all.slice(n * size, (n + 1) * size));
}
