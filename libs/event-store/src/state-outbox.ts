import type { Appender, EventLog } from '@magpie/event-log';
import { collectionOf, ensureIndexes, type Collection, type Connection, type Document } from '@magpie/mongo';
import { counter, crashPoint, type Logger } from '@magpie/observability';
import { startRounds, type Held, type LeaseName, type Rounds } from './leased-rounds.js';
import { STATE_SPACING_MS, type StateDocument, type StateKind } from './state-document.js';

/** Documents of one kind in one round; must fit the appender's queue. */
export const STATE_BATCH_MAX = 500;
/** How soon changes that other processes made are noticed, and those that had to wait. */
export const STATE_POLL_MS = 50;
const CLOSE_DEADLINE_MS = 5_000;
const DUE_INDEX = 'due';

const published = counter({ name: 'magpie_event_store_states_total', help: 'States of documents that were published' });
const failures = counter({
  name: 'magpie_event_store_state_failures_total',
  help: 'Rounds of publishing states that failed',
});

export interface StateOutboxParts {
  readonly connection: Connection;
  readonly log: Pick<EventLog, 'appender'>;
  readonly kinds: readonly StateKind[];
  /** One outbox of a name works at a time; `holder` names this start of this instance. */
  readonly lease: LeaseName;
  readonly logger: Logger;
}

/**
 * Publishes documents whose latest state alone counts: of each at most one record per `STATE_SPACING_MS`, the first at
 * once, in one instance of the service at a time. A document waits until the record of its last revision is
 * acknowledged and that is noted, so a successor may publish a revision again, and a holder that was frozen may append
 * an old one late: readers drop both by version.
 */
export class StateOutbox {
  #appender: Appender | undefined;
  #rounds: Rounds | undefined;

  constructor(private readonly parts: StateOutboxParts) {}

  async start(): Promise<void> {
    const { connection, log, kinds, lease, logger } = this.parts;
    const collections = kinds.map((kind) => ({ kind, documents: documentsOf(connection, kind) }));
    for (const { documents } of collections) await ensureIndexes(documents, [ONLY_DUE]);
    const appender = log.appender({ topics: [...new Set(kinds.map(({ topic }) => topic))], lane: 'persistent' });
    this.#appender = appender;
    this.#rounds = startRounds({
      connection,
      lease,
      pollMs: STATE_POLL_MS,
      round: async (held) => {
        let moreWaits = false;
        for (const { kind, documents } of collections) {
          const count = await publishRound(kind, documents, appender, held);
          moreWaits ||= count === STATE_BATCH_MAX;
        }
        return moreWaits;
      },
      failed: (error, retryMs) => {
        failures.inc();
        logger.warn({ err: error, retryMs }, 'publishing states failed, trying again');
      },
      logger,
    });
  }

  /** Something has changed in this process. */
  ring(): void {
    this.#rounds?.ring();
  }

  async stop(): Promise<void> {
    await this.#rounds?.stop();
    await this.#appender?.close(CLOSE_DEADLINE_MS);
  }
}

const ONLY_DUE = {
  keys: { due: 1 },
  options: { name: DUE_INDEX, partialFilterExpression: { due: { $exists: true } } },
} as const;

function documentsOf(connection: Connection, { collection }: StateKind): Collection<StateDocument> {
  return collectionOf<StateDocument>(connection, collection);
}

/** Publishes what is due, at most one batch, and answers how many documents that were; 0 without the lease. */
async function publishRound(
  { topic, publish }: StateKind,
  documents: Collection<StateDocument>,
  appender: Pick<Appender, 'append'>,
  held: () => Held | undefined,
): Promise<number> {
  const mine = held();
  if (mine === undefined) return 0;
  // By the database's clock, which wrote `due`: that of one process may be off.
  const due = await documents
    .find({ due: { $exists: true }, $expr: { $lte: ['$due', '$$NOW'] } }, { hint: DUE_INDEX })
    .sort({ due: 1 })
    .limit(STATE_BATCH_MAX)
    .toArray();
  // From here to the last `append` nothing waits: either all of the round is handed over under the lease, or nothing.
  if (due.length === 0 || held()?.epoch !== mine.epoch) return 0;
  const outcomes = await Promise.allSettled(
    due.map((document) => {
      const entry = { topic, key: document._id, version: document.revision, events: publish(document) };
      return appender.append(entry, mine.signal);
    }),
  );
  crashPoint('states.after-append');
  const done = due.filter((_, index) => outcomes[index]!.status === 'fulfilled');
  // The successor notes it: what this one knows may be long past.
  if (held()?.epoch !== mine.epoch) return 0;
  if (done.length > 0) await documents.bulkWrite(done.map(noted), { ordered: false });
  published.inc(done.length);
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
  return due.length;
}

/** This revision is published; a later one becomes due when its time has come. */
function noted({ _id, revision }: StateDocument): { updateOne: { filter: { _id: string }; update: Document[] } } {
  const later = { $add: ['$$NOW', STATE_SPACING_MS] };
  const due = { $cond: [{ $eq: ['$revision', revision] }, '$$REMOVE', later] };
  return { updateOne: { filter: { _id }, update: [{ $set: { publishedAt: '$$NOW', due } }] } };
}
