import { EVENTS, event, messaging, social, type sync } from '@magpie/contracts';
import { partitionOf } from '@magpie/domain';
import type { AppendEntry, Appended } from '@magpie/event-log';
import { silentLogger } from '@magpie/observability';
import { groupChanged, profileChanged } from '../../test/builders.js';
import { Restate } from './restate.js';

// Goal: the last states of the streams of a partition come from their owner, each once, however its pages fall. The
// owner and the inbox are stand-ins.

const TOPIC = 'social.profile.v1';
const PARTITIONS = 4;
type Entry = event.ReadEventsResponse_Entry;

const changed = (userId: string, version: number, users: string[]): Entry => {
  const events = [profileChanged({ userId, nickname: `n${version}`, version }, users)];
  return { key: userId, version, events };
};

function start(pages: (Entry[] | Error)[]) {
  const appended: AppendEntry[] = [];
  const asked: string[] = [];
  const readEvents = ({ pageToken = '' }): Promise<event.ReadEventsResponse> => {
    asked.push(pageToken);
    const at = Number(pageToken);
    const page = pages[at]!;
    if (page instanceof Error) return Promise.reject(page);
    return Promise.resolve({ entries: page, nextPageToken: at + 1 < pages.length ? `${at + 1}` : '', total: 0 });
  };
  const inbox = {
    append: (entry: AppendEntry) => {
      appended.push(entry);
      return Promise.resolve({ partition: entry.partition, position: appended.length } as Appended);
    },
  };
  const restate = new Restate({
    ownerOf: () => ({ readEvents }),
    inbox,
    log: { partitionFor: (_, key) => partitionOf(key, PARTITIONS), generationOf: () => 3 },
    partitions: PARTITIONS,
    logger: silentLogger(),
  });
  const entries = (): sync.InboxEntry[] =>
    appended.map(({ events }) => EVENTS['magpie.sync.v1.InboxEntry'].decode(events[0]!.body));
  const nicknames = () => entries().map(({ users, body }) => [social.Profile.decode(body).nickname, users]);
  return { restate, asked, appended, entries, nicknames };
}

describe('restate', () => {
  it('emits the last state of every item for everybody who was given one, also of a stream on two pages', async () => {
    const pages = [
      [changed('ua', 1, ['ua', 'ub']), changed('ua', 2, ['ua'])],
      [changed('ua', 3, ['ua']), { key: 'ua', version: 4, events: [] }],
    ];
    const { restate, asked, entries, nicknames } = start(pages);
    const partition = partitionOf('ua', PARTITIONS);
    const highest = await restate.of(TOPIC, partition);
    expect([asked, nicknames()]).toEqual([
      ['', '1'],
      [
        ['n1', ['ub']],
        ['n3', ['ua']],
      ],
    ]);
    expect(entries()[0]).toMatchObject({
      source: { topic: TOPIC, partition, generation: 0, offset: 0 },
      emittedFor: 3,
    });
    const told = [partitionOf('ub', PARTITIONS), partitionOf('ua', PARTITIONS)];
    expect([highest[told[0]!], highest[told[1]!]]).toEqual([1, 2]);
  });

  it('reads once for all partitions that ask together, and emits nothing of the others', async () => {
    const users = ['ua', 'ub', 'uc', 'ud', 'ue', 'uf'];
    const { restate, asked, nicknames } = start([users.map((user, k) => changed(user, k, [user]))]);
    const [one, two, other] = [...new Set(users.map((user) => partitionOf(user, PARTITIONS)))];
    expect(other).toBeDefined();
    await Promise.all([restate.of(TOPIC, one!), restate.of(TOPIC, two!)]);
    const wanted = users.filter((user) => [one, two].includes(partitionOf(user, PARTITIONS)));
    expect([asked, nicknames().map(([, to]) => to)]).toEqual([[''], wanted.map((user) => [user])]);
    await restate.of(TOPIC, one!);
    expect(asked).toHaveLength(2);
  });

  it('tells the last state of a group to its members, and to who left what they were told', async () => {
    const commit = (version: number, joined: string[], left: string[] = []) => ({
      key: 'g.g1',
      version,
      events: [groupChanged('g.g1', joined, left, { groupId: 'g1', version })],
    });
    const { restate, entries } = start([
      [commit(1, ['ua', 'ub', 'uc']), { ...commit(2, []), events: [] }],
      [commit(3, [], ['ub']), commit(4, ['ud'])],
    ]);
    await restate.of(TOPIC, partitionOf('g.g1', PARTITIONS));
    const told = entries().flatMap(({ users, body }) =>
      users.map((user) => [user, messaging.Group.decode(body).version] as const),
    );
    expect(told.sort()).toEqual([
      ['ua', 4],
      ['ub', 3],
      ['uc', 4],
      ['ud', 4],
    ]);
  });

  it('tells only the inbox partitions that it should, leaves out what is no state, and topics without a store', async () => {
    const { restate, asked, appended } = start([[changed('ua', 1, ['ua', 'ub', 'uc', 'ud'])]]);
    expect(await restate.of('sync.inbox.v1', 0)).toEqual([]);
    expect(asked).toEqual([]);
    const only = partitionOf('ub', PARTITIONS);
    await restate.of(TOPIC, partitionOf('ua', PARTITIONS), new Set([only]));
    expect(appended.map(({ partition }) => partition)).toEqual([only]);
  });

  it('throws what the owner throws, and asks anew the next time', async () => {
    const pages: (Entry[] | Error)[] = [new Error('away')];
    const { restate } = start(pages);
    const partition = partitionOf('ua', PARTITIONS);
    await expect(restate.of(TOPIC, partition)).rejects.toThrow('away');
    pages[0] = [changed('ua', 1, ['ua'])];
    expect((await restate.of(TOPIC, partition)).some((position) => position > 0)).toBe(true);
  });
});
