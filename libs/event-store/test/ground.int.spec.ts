import type { TopicName } from '@magpie/contracts';
import type { Appended, AppendEntry } from '@magpie/event-log';
import { silentLogger } from '@magpie/observability';
import { EventStore, Ground, type Commit, type Fold, type Publication } from '../src/index.js';
import { testDatabase } from './database.js';

const TOPIC: TopicName = 'auth.account.v1';
const logger = silentLogger();
const counting: Fold<number> = { initial: 0, evolve: (count) => count + 1 };
const publish = ({ stream }: Commit): Publication => ({
  ...{ topic: TOPIC, key: stream.slice('account:'.length) },
  events: [],
});

/** A log of two partitions: keys that begin with a are in the first one. */
class TwoPartitions {
  readonly hotPartitions = 2;
  readonly generations = [1, 1];
  readonly appended: string[] = [];
  #listeners: ((partition: number, generation: number) => void)[] = [];

  partitionFor = (_topic: string, key: string) => (key.startsWith('a') ? 0 : 1);
  generationOf = (_topic: string, partition: number) => this.generations[partition]!;
  onGeneration = (_topic: string, listener: (partition: number, generation: number) => void) => {
    this.#listeners.push(listener);
    return () => (this.#listeners = this.#listeners.filter((each) => each !== listener));
  };

  rise(partition: number): void {
    this.generations[partition]! += 1;
    for (const listener of this.#listeners) listener(partition, this.generations[partition]!);
  }

  append = async ({ key, version }: AppendEntry, signal?: AbortSignal): Promise<Appended> => {
    signal?.throwIfAborted();
    this.appended.push(`${key} ${version}`);
    return {} as Appended;
  };
}

// Goal: nothing is appended to a log that was lost before what it builds on stands there again. Real: MongoDB; the log is
// a list.
describe('ground', () => {
  let database: Awaited<ReturnType<typeof testDatabase>>;
  let store: EventStore;
  let log: TwoPartitions;
  let grounds: Ground[];

  beforeEach(async () => {
    database = await testDatabase('ground');
    store = new EventStore({ connection: database.connection, logger });
    await store.init();
    log = new TwoPartitions();
    grounds = [];
    for (const key of ['ann', 'bob', 'ann', 'other']) await commit(`account:${key}`);
    await commit('claim:ann');
  });
  afterEach(async () => {
    for (const ground of grounds) ground.stop();
    await database.drop();
  });

  let commands = 0;
  const commit = (stream: string) => {
    const decide = () => [{ type: 'Done', version: 1, data: {} }];
    return store.execute({ stream, commandId: `c${++commands}`, fold: counting, now: 1, decide });
  };
  /** That of one more process. */
  const ground = () => {
    const one = new Ground({ store, log, topic: TOPIC, streams: 'account:', publish, logger });
    one.start();
    grounds.push(one);
    return one;
  };
  const forever = new AbortController().signal;

  it('is there in a log that was never lost', async () => {
    const one = ground();
    expect((await one.holds('ann')).aborted).toBe(false);
    await one.restore(log, forever);
    expect(log.appended).toEqual([]);
  });

  it('is missing from when a generation rises until the relay has published the streams of that partition again', async () => {
    const [relay, sender] = [ground(), ground()];
    const before = await sender.holds('ann');
    log.rise(0);
    expect(before.reason).toMatchObject({ code: 'UNAVAILABLE' });
    await expect(sender.holds('ann')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect((await sender.holds('bob')).aborted).toBe(false);
    await relay.restore(log, forever);
    expect(log.appended).toEqual(['ann 1', 'ann 2']);
    expect((await sender.holds('ann')).aborted).toBe(false);
    await relay.restore(log, forever);
    await ground().restore(log, forever);
    expect(log.appended).toHaveLength(2);
  });

  it('is missing still when the generation rises again meanwhile, or the lease is lost', async () => {
    const relay = ground();
    log.rise(1);
    const append = async (entry: AppendEntry, signal?: AbortSignal) => {
      if (log.generations[1] === 2) log.rise(1);
      return log.append(entry, signal);
    };
    await expect(relay.restore({ append }, forever)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(relay.holds('bob')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(relay.restore(log, AbortSignal.abort(new Error('lost')))).rejects.toThrow('lost');
    expect(log.appended).toEqual([]);
    await relay.restore(log, forever);
    expect(log.appended).toEqual(['bob 1', 'other 1']);
    await relay.holds('bob');
  });
});
