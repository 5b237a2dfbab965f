import type { Mistake } from './mistake.js';

const SEED = 7;

/** Mistakes of those who read the log: what a checkpoint claims, what a feed shows, who serves it when. */
export const READER_MISTAKES: readonly Mistake[] = [
  {
    name: "fan-out's checkpoint does not wait for the inbox",
    seed: SEED,
    edits: [
      {
        file: 'apps/sync/src/reactions/on-feed-event.reaction.ts',
        find: 'const appended = await Promise.all(appends);',
        replace: `for (const append of appends) append.catch(() => undefined);
    const appended = await Promise.all<Appended>([]);`,
      },
    ],
    rows: ['kafka away, then messaging and sync killed'],
  },
  {
    name: "the feed's checkpoint does not wait for the timeline",
    seed: SEED,
    edits: [
      {
        file: 'apps/sync/src/projections/timeline.projection.ts',
        find: 'pending.stored = await this.#writer.store(rows);',
        replace: 'void this.#writer.store(rows);\n      pending.stored = true;',
      },
    ],
    rows: ['sync killed with timeline held back'],
  },
  {
    name: "the archive's checkpoint does not wait for the archive",
    seed: SEED,
    edits: [
      {
        file: 'apps/messaging/src/projections/archive.projection.ts',
        find: 'await insert.insert(rows);',
        replace: 'void insert.insert(rows).catch(() => undefined);',
      },
    ],
    rows: ['messaging killed with state_message held back'],
  },
  {
    name: 'the feed drops nothing by source watermark',
    seed: SEED,
    edits: [
      {
        file: 'apps/sync/src/domain/feed.ts',
        find: 'if (row.outdated || row.sourcePosition <= (watermarks.get(row.source) ?? -1)) continue;',
        replace: 'if (row.outdated) continue;',
      },
    ],
    rows: ['dies at fan-out.after-inbox'],
  },
  {
    name: 'a new owner serves before it has replayed',
    seed: SEED,
    edits: [
      {
        file: 'apps/sync/src/projections/timeline.projection.ts',
        find: 'parts.feeds.own(at.partition, at.epoch, this.#state, begin.floor);',
        replace: `parts.feeds.own(at.partition, at.epoch, this.#state, begin.floor);
    parts.feeds.serve(at.partition, at.epoch);`,
      },
    ],
    rows: ['sync killed far behind its checkpoints'],
  },
];
