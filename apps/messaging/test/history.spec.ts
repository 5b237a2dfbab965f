import { readFileSync } from 'node:fs';
import { foldCommits, upcasting, type Fold, type StoredEvent } from '@magpie/event-store';
import { group } from '../src/domain/group.js';
import type { GroupEvent } from '../src/domain/group-state.js';
import { joinRequest, type JoinRequestChanged } from '../src/domain/join-request.js';
import { STREAMS } from '../src/publish.js';

const FILE = new URL('../../test/history/streams.json', import.meta.url);
const streams: Readonly<Record<string, readonly StoredEvent[]>> = JSON.parse(readFileSync(FILE, 'utf8'));

type PrivateEvent = GroupEvent | JoinRequestChanged;

/** Every private event with the version that is written today; the compiler misses none. */
const WRITTEN: { readonly [E in PrivateEvent as E['type']]: E['version'] } = {
  GroupCreated: 1,
  MembersAdded: 1,
  MemberJoined: 1,
  JoinRequested: 1,
  JoinAnswered: 1,
  MemberRemoved: 1,
  MemberLeft: 1,
  GroupUpdated: 1,
  AdminSet: 1,
  GroupTransferred: 1,
  MemberMuted: 1,
  MemberEdited: 1,
  GroupDissolved: 1,
  TipMade: 1,
  JoinRequestChanged: 1,
};

const at = 1_790_000_000_000;

/** The first `count` events, one to a commit. */
const fold = <S>(stream: string, how: Fold<S>, count = Infinity): S => {
  const events = streams[stream]!.slice(0, count).map(upcasting([]));
  const commits = events.map((event, index) => ({ stream, number: index + 1, commandId: 'c', events: [event], at }));
  return foldCommits(how, commits).state;
};

// Goal: streams that were recorded once fold to the same states for ever. Real: the folds, the recorded streams.
describe('history', () => {
  it('knows a group after everything that can become of one', () => {
    const length = streams['group:g.gone']!.length;
    expect(fold('group:g.gone', group, length - 1)).toEqual({
      status: 'Active',
      version: length - 2,
      group: {
        ...{ groupId: 'gone', name: '两人行', announcement: '', createdAt: at },
        ...{ approvalNeeded: true, mutedAll: false, owner: 'ubob', admins: ['ucid'] },
        members: ['uann', 'ubob', 'ucid', 'ufay'],
        nicknames: { uann: 'Annie' },
        mutes: { uann: at + 60_000 },
        waiting: [],
      },
    });
    expect(fold('group:g.gone', group)).toMatchObject({ status: 'Dissolved', version: length, group: { members: [] } });
  });

  it('knows what became of a request to be let in', () => {
    const request = { requestId: 'rone', groupId: 'gone', userId: 'ufay', invitedBy: '', state: 'ACCEPTED', at };
    expect(fold('join-request:rone', joinRequest)).toEqual({
      ...{ status: 'Known', request: { ...request, audience: ['ubob', 'ucid', 'ufay'] } },
    });
  });

  it('holds every version of every private event, and every kind of stream', () => {
    const recorded = new Set(Object.values(streams).flatMap((events) => events.map((e) => `${e.type} ${e.version}`)));
    const written = Object.entries(WRITTEN).map(([type, newest]) => `${type} ${newest}`);
    expect([...recorded].sort()).toEqual(written.sort());
    for (const prefix of Object.values(STREAMS)) {
      expect(Object.keys(streams).filter((stream) => stream.startsWith(prefix))).not.toEqual([]);
    }
  });
});
