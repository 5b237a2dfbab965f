import { setTimeout as delay } from 'node:timers/promises';
import { deriveId } from '@magpie/domain/ids';
import type { EventStore, Fold, StreamCommand } from '@magpie/event-store';

const STREAMS = 'account:';
/** The least text above all names of streams of accounts. */
const STREAMS_END = 'account;';
/** Accounts of one transaction; what was seeded before is found by its batches, so this must not change. */
const BATCH = 250;
const CONCURRENCY = 4;
const LOOK_MS = 500;
/** Without any progress for so long, the view will not catch up. */
const STILL_MAX_MS = 60_000;

type Progress = (done: number, of: number) => void;

/** Of a seeded account nothing is ever folded. */
const FOLD: Fold<undefined> = { initial: undefined, evolve: () => undefined };

/** Commits of accounts in auth's store. */
export function commitsOfAccounts(store: EventStore): Promise<number> {
  return store.countRange({ stream: STREAMS, number: 0 }, { stream: STREAMS_END, number: 0 });
}

/** The stream of an account. */
export function streamOf(userId: string): string {
  return STREAMS + userId;
}

/**
 * Makes accounts until there are as many as asked for, at most a batch more: commits through the event store, as auth
 * makes them, without the password hash and the claim of the name that make signing up slow. Nobody can log in on them.
 * Rejects with the reason of `interrupted` when that comes; what is under way then is finished.
 */
export async function seedAccounts(
  store: EventStore,
  accounts: number,
  interrupted: AbortSignal,
  progress: Progress,
): Promise<void> {
  const missing = accounts - (await commitsOfAccounts(store));
  if (missing <= 0) return;
  const firsts = Array.from({ length: Math.ceil(accounts / BATCH) }, (_, batch) => streamOf(idOf(batch * BATCH)));
  const known = await store.findStreams(firsts);
  const batches = firsts.flatMap((stream, batch) => (known.has(stream) ? [] : [batch]));
  batches.length = Math.min(batches.length, Math.ceil(missing / BATCH));
  const all = batches.length * BATCH;
  let done = 0;
  const work = async (): Promise<void> => {
    for (let batch = batches.shift(); batch !== undefined && !interrupted.aborted; batch = batches.shift()) {
      await seedBatch(store, batch);
      done += BATCH;
      progress(done, all);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  interrupted.throwIfAborted();
}

/** Waits until a view holds every commit of an account. `commitsInView` counts those that it has taken. */
export async function inStep(
  store: EventStore,
  commitsInView: () => Promise<number>,
  interrupted: AbortSignal,
  progress: Progress,
): Promise<void> {
  let last = { taken: -1, at: Date.now() };
  for (;;) {
    interrupted.throwIfAborted();
    const [commits, taken] = await Promise.all([commitsOfAccounts(store), commitsInView()]);
    if (taken >= commits) return;
    if (taken !== last.taken) {
      last = { taken, at: Date.now() };
      progress(taken, commits);
    }
    if (Date.now() - last.at > STILL_MAX_MS) throw new Error(`the view stays at ${taken} of ${commits} commits`);
    await delay(LOOK_MS);
  }
}

async function seedBatch(store: EventStore, batch: number): Promise<void> {
  const now = Date.now();
  const streams = Array.from({ length: BATCH }, (_, n) => commandOf(batch * BATCH + n, now));
  await store.executeMany({ commandId: `seed-${batch}`, now, streams });
}

function commandOf(n: number, now: number): StreamCommand<undefined> {
  const data = {
    ...{ userId: idOf(n), userName: `seed${n}`, nickname: `seed ${n}` },
    ...{ passwordHash: '', registeredAt: now },
  };
  return { stream: streamOf(idOf(n)), fold: FOLD, decide: () => [{ type: 'AccountRegistered', version: 1, data }] };
}

function idOf(n: number): string {
  return deriveId('u', 'seed', n);
}
