import { silentLogger } from '@magpie/observability';
import { EVENTS, messaging, renderFor, type sync } from '@magpie/contracts';
import { PoisonError, type AppendEntry, type Appended, type CheckpointView, type Gained } from '@magpie/event-log';
import { partitionOf } from '@magpie/domain';
import { groupChanged, messageRecalled, messageSent, record } from '../../test/builders.js';
import type { Groups } from '../clients/members.client.js';
import { onFeedEvent } from './on-feed-event.reaction.js';

// Goal: every feed event becomes one inbox record per partition of its recipients. Real: dropRepeats, the codecs.

const PARTITIONS = 4;
const INBOX_GENERATION = 3;
const OLDEST = 10;
/** Version of records that the stand-in of what is known takes for repeats. */
const REPEATED = 99;
const MET = new Map([['some', { v: 1, p: 1 }]]);
const [ua, ub] = ['ua', 'uf'];

const GROUP = 'g.g1';

function start(
  answer: () => Promise<Appended> = () => Promise.resolve({} as Appended),
  more: Partial<Gained> = {},
  feeds: Map<number, CheckpointView> = new Map(),
) {
  const appended: AppendEntry[] = [];
  const restated: unknown[][] = [];
  /** How many versions were kept after how many entries. */
  const kept: number[][] = [];
  const asked: unknown[] = [];
  /** Says what `ua` and `uc` have been members of since position 1. */
  const groups: Groups = {
    read: (wanted) => {
      asked.push(...wanted);
      const intervals = new Map(['ua', 'uc'].map((user) => [user, [{ joined: 1, left: Infinity }]]));
      return Promise.resolve(new Map([[GROUP, { version: 1, intervals }]]));
    },
  };
  const inbox = {
    lane: 'persistent' as const,
    append: (entry: AppendEntry) => {
      appended.push(entry);
      return answer();
    },
  };
  const log = {
    generationOf: () => INBOX_GENERATION,
    checkpointsOf: () => Promise.resolve(feeds),
    offsetsSince: () => Promise.resolve(new Map([[0, OLDEST]])),
    serverTime: () => 0,
  };
  const spec = onFeedEvent({
    inbox,
    log,
    partitions: PARTITIONS,
    groups,
    restate: { of: (...asked) => (restated.push(asked), Promise.resolve([0, 7, 0, 0])) },
    versions: {
      judge: (records) => Promise.resolve({ fresh: records.filter(({ version }) => version !== REPEATED), met: MET }),
      keep: (met) => (kept.push([met.size, appended.length]), Promise.resolve()),
    },
    sameDatabase: () => Promise.resolve(),
    logger: silentLogger(),
  });
  const at = {
    topic: 'messaging.message.v1' as const,
    partition: 0,
    epoch: 1,
    checkpoint: undefined,
    logEnd: 0,
    ...more,
  };
  return { appended, asked, restated, kept, work: spec.gain(at) };
}

/** Peer and client id of the message as each of the entry's users sees them. */
function seenBy({ users, body, renderings }: sync.InboxEntry): Record<string, string[]> {
  const seen = users.map((user) => messaging.Message.decode(renderFor(user, body, renderings)));
  return Object.fromEntries(users.map((user, k) => [user, [seen[k]!.peer, seen[k]!.clientId]]));
}

const entryOf = ({ events }: AppendEntry): sync.InboxEntry =>
  EVENTS['magpie.sync.v1.InboxEntry'].decode(events[0]!.body);

describe('fan-out', () => {
  it('gives both sides the message with its place, each in the partition where it lives', async () => {
    const { appended, work } = start();
    await (await work).process([record({ offset: 5, events: [messageSent({ id: 'm1', from: ua, to: ub })] })]);
    expect(new Set(appended.map(({ partition }) => partition))).toEqual(
      new Set([partitionOf(ua, PARTITIONS), partitionOf(ub, PARTITIONS)]),
    );
    for (const one of appended) {
      const entry = entryOf(one);
      expect(entry.users.every((user) => partitionOf(user, PARTITIONS) === one.partition)).toBe(true);
      expect(entry.source).toEqual({ topic: 'messaging.message.v1', partition: 0, generation: 1, offset: 5 });
      expect(messaging.Message.decode(entry.body)).toMatchObject({
        messageId: 'm1',
        position: 2 ** 44 + 5,
        serverTimeMs: 1_005,
      });
      expect(entry).toMatchObject(
        entry.users.includes(ua)
          ? { authorUserId: ua, authorDeviceId: 'device-of-sender' }
          : { authorUserId: '', authorDeviceId: '' },
      );
      expect(seenBy(entry)).toEqual(
        Object.fromEntries(entry.users.map((user) => [user, user === ua ? [ub, 'c-m1'] : [ua, '']])),
      );
    }
  });

  it('drops a repeat of a message', async () => {
    const { appended, work } = start();
    const once = messageSent({ id: 'm1', from: ua, to: ua });
    await (await work).process([record({ offset: 1, events: [once] }), record({ offset: 2, events: [once] })]);
    expect(appended).toHaveLength(1);
  });

  describe('the audience', () => {
    const said = (conversation: string, users: string[], id: string) => {
      const sent = messageSent({ id, from: ua, to: ub });
      return { ...sent, feed: { ...sent.feed!, users, conversation } };
    };
    const usersIn = (appended: AppendEntry[]) => appended.flatMap((one) => entryOf(one).users).sort();

    it('is who is named and the two of a conversation by its key, each once', async () => {
      const { appended, asked, work } = start();
      const events = [said(`d.${ua}.${ub}`, [ub, 'uz'], 'm1')];
      await (await work).process([record({ offset: 1, events })]);
      expect([usersIn(appended), asked]).toEqual([[ua, ub, 'uz'], []]);
    });

    it('is the members of a group at the place of each record, asked for once, and who is named', async () => {
      const { appended, asked, work } = start();
      const message = (offset: number) => record({ key: GROUP, offset, events: [said(GROUP, ['uz'], `m${offset}`)] });
      const change = record({ key: GROUP, offset: 6, version: 2, events: [groupChanged(GROUP, ['ub'], ['uc'])] });
      await (await work).process([message(5), change, message(7)]);
      await (await work).process([message(8)]);
      expect(asked).toEqual([[GROUP, 2 ** 44 + 5]]);
      const told = [5, 6, 7, 8].map((offset) =>
        usersIn(appended.filter((one) => entryOf(one).source!.offset === offset)),
      );
      expect(told).toEqual([
        ['ua', 'uc', 'uz'],
        ['ua', 'ub', 'uc'],
        ['ua', 'ub', 'uz'],
        ['ua', 'ub', 'uz'],
      ]);
    });

    it('is nobody of a group that nobody knows', async () => {
      const { appended, work } = start();
      const unknown = record({ key: 'g.g2', offset: 1, events: [said('g.g2', [], 'm1')] });
      await (await work).process([unknown]);
      expect(appended).toEqual([]);
    });
  });

  it('writes what all readers get into the item, behind what the event says', async () => {
    const { appended, work } = start();
    const sent = messageSent({ id: 'm1', from: ua, to: ub });
    const peer = messaging.Message.encode(messaging.Message.fromPartial({ peer: 'g1' })).finish();
    const own = { users: [ua], body: sent.feed!.renderings[0]!.body };
    const feed = { ...sent.feed!, renderings: [{ users: [], body: peer }, own] };
    await (await work).process([record({ offset: 1, events: [{ ...sent, feed }] })]);
    const seen = Object.assign({}, ...appended.map((one) => seenBy(entryOf(one)))) as object;
    expect(seen).toEqual({ [ua]: [ub, 'c-m1'], [ub]: ['g1', ''] });
  });

  it('brings along what stands in the place of an earlier event, as each user sees it', async () => {
    const { appended, work } = start();
    const position = 2 ** 44 + 2;
    await (
      await work
    ).process([record({ offset: 5, events: [messageRecalled({ id: 'm1', from: ua, to: ub, position })] })]);
    const entries = appended.map(entryOf);
    expect(entries.flatMap(({ users }) => users).sort()).toEqual([ua, ub]);
    for (const { users, replacement } of entries) {
      const seen = users.map((user) =>
        messaging.Message.decode(renderFor(user, replacement!.body, replacement!.renderings)),
      );
      expect(replacement!.position).toBe(position);
      expect(seen.map(({ peer }) => peer)).toEqual(users.map((user) => (user === ua ? ub : ua)));
      expect(seen[0]).toMatchObject({ messageId: 'm1', recalled: true, content: undefined, position });
    }
  });

  it('passes over events without a feed and stops at a record with two', async () => {
    const { appended, work } = start();
    const sent = messageSent({ id: 'm1', from: ua, to: ub });
    await (await work).process([record({ offset: 1, events: [{ ...sent, dedupeId: '', feed: undefined }] })]);
    expect(appended).toEqual([]);
    const two = record({ offset: 2, events: [sent, messageSent({ id: 'm2', from: ua, to: ub })] });
    await expect((await work).process([two])).rejects.toThrow(PoisonError);
    expect(appended).toEqual([]);
  });

  it('emits nothing of what was published again, and keeps what it met once that is emitted', async () => {
    const { appended, kept, work } = start();
    const sent = (id: string) => [messageSent({ id, from: ua, to: ua })];
    await (
      await work
    ).process([
      record({ offset: 1, version: 1, events: sent('m1') }),
      record({ offset: 2, version: REPEATED, events: sent('m2') }),
    ]);
    expect([appended.map((one) => entryOf(one).source?.offset), kept]).toEqual([[1], [[1, 1]]]);
  });

  it('has the states emitted by their owner before what comes in a log that was lost', async () => {
    const { appended, restated, work } = start();
    const sent = (generation: number, offset: number) =>
      record({ generation, offset, events: [messageSent({ id: `m${offset}`, from: ua, to: ua })] });
    await (await work).process([sent(2, 1)]);
    expect([restated.length, appended.length]).toEqual([1, 1]);
    await (await work).process([sent(3, 0)]);
    expect(restated).toEqual([1, 2].map(() => ['messaging.message.v1', 0]));
    expect((await work).state()).toMatchObject({ emitted: [0, 7, 0, 0] });
  });

  it('is done only when the appends are acknowledged', async () => {
    const { promise, resolve } = Promise.withResolvers<Appended>();
    const { work } = start(() => promise);
    let done = false;
    const processed = (await work)
      .process([record({ offset: 1, events: [messageSent({ id: 'm1', from: ua, to: ub })] })])
      .then(() => (done = true));
    await new Promise(setImmediate);
    expect(done).toBe(false);
    resolve({} as Appended);
    await processed;
    expect(done).toBe(true);
  });

  describe('where it begins', () => {
    const checkpoint = (inbox: number[]): CheckpointView => ({
      next: 900,
      generation: 1,
      state: { inbox, emitted: [0, 0, 0, 0], rebuilt: true },
    });
    const feedAt = (offset: number): CheckpointView => ({
      next: 1,
      generation: 1,
      state: { visible: 1, sources: [{ topic: 'messaging.message.v1', partition: 0, generation: 1, offset }] },
    });

    it('is 30 days back without a checkpoint, and all before the end of the log has to be fanned out', async () => {
      const work = await start(undefined, { logEnd: 12 }).work;
      expect(work.from).toBe(OLDEST);
      expect(work.state()).toMatchObject({ inbox: [3, 3, 3, 3], rebuilt: false });
      await work.process([record({ offset: 10, events: [] })]);
      expect(work.state()).toMatchObject({ rebuilt: false });
      await work.process([record({ offset: 11, events: [] })]);
      expect(work.state()).toMatchObject({ rebuilt: true });
    });

    it('is behind the states of what the log may not hold, which count as emitted', async () => {
      const fresh = start(undefined, { logEnd: OLDEST });
      expect((await fresh.work).state()).toMatchObject({ emitted: [0, 7, 0, 0], rebuilt: true });
      const known = { checkpoint: checkpoint([3, 3, 3, 3]) };
      const lost = start(undefined, { ...known, lost: true });
      const hole = start(undefined, { ...known, hole: true });
      const risen = start(undefined, { checkpoint: checkpoint([3, 2, 3, 1]) });
      const same = start(undefined, known);
      const all = [fresh, lost, hole, risen, same];
      await Promise.all(all.map(({ work }) => work));
      const topic = 'messaging.message.v1';
      expect(all.map(({ restated }) => restated)).toEqual([
        [[topic, 0]],
        [[topic, 0]],
        [[topic, 0]],
        [[topic, 0, new Set([1, 3])]],
        [],
      ]);
    });

    it('is the checkpoint while every inbox is the one that it was', async () => {
      const work = await start(undefined, { checkpoint: checkpoint([3, 3, 3, 3]) }).work;
      expect(work.from).toBeUndefined();
    });

    it('is behind the watermarks of the feeds that lost their inbox, and what is emitted is meant for the new one', async () => {
      const feeds = new Map([
        [0, feedAt(20)],
        [1, feedAt(800)],
        [3, feedAt(700)],
      ]);
      const { work, appended } = start(undefined, { checkpoint: checkpoint([3, 2, 3, 1]) }, feeds);
      expect((await work).from).toBe(701);
      expect((await work).state()).toMatchObject({ inbox: [3, 3, 3, 3] });
      await (await work).process([record({ offset: 701, events: [messageSent({ id: 'm1', from: ua, to: ub })] })]);
      expect(appended.map((one) => entryOf(one).emittedFor)).toEqual(appended.map(() => 3));
    });

    it('is what is young enough when a feed has no watermark, or the source was lost as well', async () => {
      const risen = { checkpoint: checkpoint([3, 2, 3, 3]) };
      expect((await start(undefined, risen).work).from).toBe(OLDEST);
      expect((await start(undefined, { ...risen, lost: true }, new Map([[1, feedAt(800)]])).work).from).toBe(OLDEST);
    });
  });
});
