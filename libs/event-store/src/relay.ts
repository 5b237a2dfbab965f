import type { event, TopicName } from '@magpie/contracts';
import type { Appender } from '@magpie/event-log';
import { counter, crashPoint, gauge, type Logger } from '@magpie/observability';
import type { Commit } from './commit.js';
import type { EventStore } from './event-store.js';
import type { Ground } from './ground.js';
import { startRounds, type Held, type LeaseName } from './leased-rounds.js';

/** Commits per round; must fit the appender's queue, or a round can never pass. */
export const RELAY_BATCH_MAX = 500;
/** How soon commits of other processes are noticed; one's own nudge the relay. */
export const RELAY_POLL_MS = 50;

/** Where a commit goes. One record holds all its public events, also when there are none. */
export interface Publication {
  readonly topic: TopicName;
  readonly key: string;
  readonly events: event.Event[];
}

export interface RelayOptions {
  readonly store: EventStore;
  /** On the persistent lane. */
  readonly appender: Pick<Appender, 'append'>;
  /** One relay of a name works at a time; `holder` names this process. */
  readonly lease: LeaseName;
  /** Private to public, pure. Undefined: the stream has no topic (claims). */
  publish(commit: Commit): Publication | undefined;
  /** What must stand in the log before anything more is published. */
  readonly ground?: Pick<Ground, 'restore'> | undefined;
  readonly logger: Logger;
}

export interface Relay {
  /** Finishes the round at work within a deadline and gives the lease back. */
  stop(): Promise<void>;
}

/**
 * Publishes the commits of a service in the order of their streams, each as one record whose version is the commit's
 * number (machinery.md §2.4). A commit is marked after its record is acknowledged, so a successor may publish it again:
 * readers drop that by version. Without the lease nothing is handed to the log any more, what waits there is taken
 * back, and nothing is marked. That is judged by the time of the lease, not in a transaction with it: one that died in
 * the middle would hold the lease's document, and the successor, for a minute. A mark that slips through all the same
 * says what is true.
 */
export function startRelay(options: RelayOptions): Relay {
  const { store, lease, logger } = options;
  const failures = counter({
    name: 'magpie_event_store_relay_failures_total',
    help: 'Rounds of the relay that failed',
  });
  const rounds = startRounds({
    connection: store.connection,
    lease,
    pollMs: RELAY_POLL_MS,
    round: async (held) => (await publishRound(options, held)) === RELAY_BATCH_MAX,
    failed: (error, retryMs) => {
      failures.inc();
      logger.warn({ err: error, retryMs }, 'publishing commits failed, trying again');
    },
    logger,
  });
  const unsubscribe = store.onCommit(() => rounds.ring());
  return {
    async stop() {
      unsubscribe();
      await rounds.stop();
    },
  };
}

/** Publishes what waits, at most one batch, and answers how many commits that were; 0 without the lease. */
async function publishRound(options: RelayOptions, held: () => Held | undefined): Promise<number> {
  const { store, appender, publish } = options;
  const published = counter({ name: 'magpie_event_store_published_total', help: 'Commits published by the relay' });
  const age = gauge({ name: 'magpie_event_store_relay_age_seconds', help: 'Age of the oldest unpublished commit' });
  const mine = held();
  if (mine === undefined) return 0;
  const ground = await options.ground?.restore(appender, mine.signal);
  const commits = await store.unpublished(RELAY_BATCH_MAX);
  age.set(commits[0] ? Math.max(0, Date.now() - commits[0].at) / 1_000 : 0);
  // From here to the last `append` nothing waits: either all of the round is handed over under the lease, or nothing.
  if (commits.length === 0 || held()?.epoch !== mine.epoch) return 0;
  const signal = ground === undefined ? mine.signal : AbortSignal.any([mine.signal, ground]);
  const outcomes = await Promise.allSettled(
    commits.map(async (commit) => {
      const publication = publish(commit);
      if (publication) await appender.append({ ...publication, version: commit.number }, signal);
    }),
  );
  crashPoint('relay.after-append');
  const done = withoutFollowersOfFailures(commits, outcomes);
  // The successor marks them: what this relay knows may be long past.
  if (held()?.epoch !== mine.epoch) return 0;
  if (done.length > 0) await store.markPublished(done);
  published.inc(done.length);
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
  return commits.length;
}

/** After a failure everything later of that stream counts as failed too, so that it is published again in order. */
export function withoutFollowersOfFailures(
  commits: readonly Commit[],
  outcomes: readonly PromiseSettledResult<unknown>[],
): Commit[] {
  const broken = new Set<string>();
  return commits.filter(({ stream }, index) => {
    if (outcomes[index]!.status === 'rejected') broken.add(stream);
    return !broken.has(stream);
  });
}
