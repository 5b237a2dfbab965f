import { silentLogger } from '@magpie/observability';
import { EVENTS, messaging, renderFor, type sync } from '@magpie/contracts';
import { PoisonError, type AppendEntry, type Appended } from '@magpie/event-log';
import { partitionOf } from '@magpie/domain';
import { messageSent, record } from '../../test/builders.js';
import { pairMembers } from '../clients/members.client.js';
import { onFeedEvent } from './on-feed-event.reaction.js';

// Goal: every feed event becomes one inbox record per partition of its recipients. Real: dropRepeats, the codecs.

const PARTITIONS = 4;
const [ua, ub] = ['ua', 'uf'];

function start(answer: () => Promise<Appended> = () => Promise.resolve({} as Appended)) {
  const appended: AppendEntry[] = [];
  const inbox = {
    append: (entry: AppendEntry) => {
      appended.push(entry);
      return answer();
    },
  };
  const spec = onFeedEvent({ inbox, partitions: PARTITIONS, members: pairMembers, logger: silentLogger() });
  const at = { topic: 'messaging.message.v1' as const, partition: 0, epoch: 1, checkpoint: undefined, logEnd: 0 };
  return { appended, work: spec.gain(at) };
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

  it('finds the two of a conversation by its key, and nobody for a group that it does not know', async () => {
    const { appended, work } = start();
    const by = (conversation: string, id: string) => {
      const sent = messageSent({ id, from: ua, to: ub });
      return { ...sent, feed: { ...sent.feed!, users: [], conversation } };
    };
    await (await work).process([record({ offset: 1, events: [by(`d.${ua}.${ub}`, 'm1')] })]);
    expect(appended.flatMap((one) => entryOf(one).users).sort()).toEqual([ua, ub]);
    await (await work).process([record({ offset: 2, events: [by('g.g1', 'm2')] })]);
    expect(appended.flatMap((one) => entryOf(one).users)).toHaveLength(2);
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
});
