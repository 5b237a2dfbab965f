import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { EventStore, rebuildableViews, type FoldedDocument } from '@magpie/event-store';
import { collectionOf, connectMongo, type Collection, type Connection } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import { rebuildView } from '../rebuild/follow.js';
import { signUp, type Player } from './accounts.js';
import { compare, isEqual, marksOf, type Comparison, type Source } from './compare.js';
import { BenchError, type BenchOptions, type RunningSystem } from './options.js';
import { isExact, reportLines, reportOf, type StageReport } from './report.js';
import { commitsOfAccounts, inStep, seedAccounts, streamOf } from './seed.js';
import { runStage } from './stage.js';

const VIEW = 'view_profile';
const SIGN_UP_EVERY_MS = 1_000;
const PROGRESS_EVERY = 50_000;
const SEEN_WITHIN_MS = 20_000;
const LOOK_MS = 200;

type Print = (line: string) => void;

interface Profile extends FoldedDocument {
  userName: string;
  nickname: string;
}

/** What a rebuild under load came to. */
interface RebuildRun {
  /** Commits of accounts in auth's store when the rebuild was asked for: each counted once. */
  readonly events: number;
  readonly seconds: number;
  /** From the request to the beginning. */
  readonly takenUpMs: number;
  readonly signUps: number;
  /** Accounts of those who signed up meanwhile that the view lacks. */
  readonly unseen: number;
  readonly comparison: Comparison;
  readonly load: StageReport;
}

/** Rebuilds social's view under load and compares it with the one before; answers whether nothing was wrong. */
export async function benchRebuild(
  options: BenchOptions,
  players: readonly Player[],
  running: RunningSystem,
  interrupted: AbortSignal,
  print: Print,
): Promise<boolean> {
  const namespace = process.env['MAGPIE_NAMESPACE'] ?? '';
  const connect = (service: string): Promise<Connection> =>
    connectMongo({ uri: running.mongodb, database: `${namespace}${service}`, logger: silentLogger() });
  const auth = await connect('auth');
  const social = await connect('social');
  try {
    const store = new EventStore({ connection: auth, logger: silentLogger() });
    const view = collectionOf<Profile>(social, VIEW);
    const tell = (what: string) => (done: number, of: number) =>
      void (done % PROGRESS_EVERY === 0 || done === of ? print(`${done} of ${of} ${what}`) : undefined);
    await seedAccounts(store, options.rebuild!.accounts, interrupted, tell('accounts made'));
    await inStep(
      store,
      () => commitsIn(view),
      interrupted,
      (done, of) => print(`${done} of ${of} accounts in ${VIEW}`),
    );
    const run = await rebuildUnderLoad({ options, players, running, interrupted, print, store, social, view });
    for (const line of linesOf(run)) print(line);
    const isGood = isEqual(run.comparison) && run.unseen === 0 && isExact(run.load);
    if (!isGood) print('NOT EQUAL, or a message was lost, repeated or out of order: see above');
    return isGood;
  } finally {
    await Promise.all([auth.close(), social.close()]);
  }
}

async function rebuildUnderLoad(given: {
  options: BenchOptions;
  players: readonly Player[];
  running: RunningSystem;
  interrupted: AbortSignal;
  print: Print;
  store: EventStore;
  social: Connection;
  view: Collection<Profile>;
}): Promise<RebuildRun> {
  const { options, players, running, interrupted, print, store, social, view } = given;
  const enough = new AbortController();
  const stopped = once(interrupted, 'abort').then((): never => {
    throw new BenchError('interrupted; a rebuild that was asked for goes on');
  });
  stopped.catch(() => undefined);
  const plan = { ...options, rate: options.rates[0]! };
  const load = runStage(plan, players, running, interrupted, enough.signal);
  const signUps = signUpMeanwhile(running.tcp, enough.signal);
  try {
    const warm = delay(options.warmupSeconds * 1000);
    // While nothing is counted: reading the whole view keeps this process from sending in time.
    const [before] = await Promise.race([Promise.all([marksOf(view), warm]), stopped]);
    const events = await commitsOfAccounts(store);
    const askedAt = Date.now();
    await Promise.race([rebuildView(social, VIEW, print), stopped]);
    enough.abort();
    const signedUp = await signUps;
    const report = reportOf(await load);
    const unseen = await unseenOf(view, signedUp);
    const comparison = await compare(before, view, sourceOf(store));
    const state = (await rebuildableViews(social)).find(({ _id }) => _id === VIEW)!;
    const seconds = (Number(state.finishedAt) - Number(state.startedAt)) / 1000;
    const takenUpMs = Number(state.startedAt) - askedAt;
    return { events, seconds, takenUpMs, signUps: signedUp.length, unseen, comparison, load: report };
  } finally {
    enough.abort();
    await Promise.allSettled([load, signUps]);
  }
}

/** One person a second, until it is enough; answers the ids of those who got in. */
async function signUpMeanwhile(address: string, enough: AbortSignal): Promise<string[]> {
  const people: Promise<string>[] = [];
  while (!enough.aborted) {
    const person = signUp(address);
    person.catch(() => undefined);
    people.push(person);
    await delay(SIGN_UP_EVERY_MS, undefined, { signal: enough }).catch(() => undefined);
  }
  return await Promise.all(people).catch((error: Error) => {
    throw new BenchError(`a sign-up failed: ${error.message}`);
  });
}

async function unseenOf(view: Collection<Profile>, ids: readonly string[]): Promise<number> {
  for (const until = Date.now() + SEEN_WITHIN_MS; ; await delay(LOOK_MS)) {
    const unseen = ids.length - (await view.countDocuments({ _id: { $in: [...ids] } }));
    if (unseen === 0 || Date.now() > until) return unseen;
  }
}

/** How many commits the documents of a view stand for: a stream has as many as its version says. */
async function commitsIn(view: Collection<Profile>): Promise<number> {
  const sum = { $group: { _id: null, commits: { $sum: '$version' } } };
  const [found] = await view.aggregate<{ commits: number }>([sum]).toArray();
  return found?.commits ?? 0;
}

function sourceOf(store: EventStore): Source<Profile> {
  return async (userId) => {
    const commits = await store.read(streamOf(userId));
    const last = commits.flatMap(({ events }) => events).findLast(({ type }) => type === 'AccountRegistered');
    if (last === undefined) return undefined;
    const { userName, nickname } = last.data as Profile;
    return { userName, nickname, version: commits.length };
  };
}

function linesOf({ events, seconds, takenUpMs, signUps, unseen, comparison, load }: RebuildRun): string[] {
  const { same, moved, added, missing, unequal, unfounded, examples } = comparison;
  return [
    `${VIEW}: ${events} events in ${seconds.toFixed(2)} s = ${Math.round(events / seconds)} events/s, each counted once ` +
      `(the rebuild meets them twice, as records of the topic and as versions in the store); taken up after ${takenUpMs} ms`,
    `  ${same} documents equal in every field; ${moved} newer and ${added} new, as their source has them; ` +
      `${missing} missing, ${unequal} unequal, ${unfounded} not as their source`,
    `  ${signUps} signed up meanwhile, ${unseen} of them not in the view`,
    ...examples.map((example) => `  DIFFERENT: ${example}`),
    'meanwhile:',
    ...reportLines(load),
  ];
}
