import { readdirSync, readFileSync } from 'node:fs';
import { SessionRevoked_Reason } from './auth.js';
import { Feed_Mode, Record as LogRecord } from './event.js';
import { EVENTS, type EventType, type EventTypes } from './events.js';
import { Group_State, JoinRequest_State, Role } from './messaging.js';
import { FriendRequestItem_RequestState } from './social.js';

const FOLDER = new URL('../../samples/', import.meta.url);
const bytes = (...values: number[]) => new Uint8Array(values);

type Samples = { readonly [Type in EventType]: readonly EventTypes[Type][] };

/**
 * What the stored bytes of each public event mean: `<type>.<n>.bin` holds the n-th of its list. A shape that changes gets
 * another sample; one that is here is never changed, because such bytes stand in logs.
 */
const SAMPLES: Samples = {
  'magpie.auth.v1.AccountRegistered': [
    { userId: 'uaccount', userName: 'ann_1', nickname: '安 Ann', registeredAtMs: 1_790_000_000_001 },
  ],
  'magpie.auth.v1.SessionOpened': [
    { userId: 'uaccount', sessionId: 'sopened', deviceId: 'device-1', openedAtMs: 1_790_000_000_002 },
  ],
  'magpie.auth.v1.SessionRevoked': [
    {
      userId: 'uaccount',
      sessionId: 'sopened',
      deviceId: 'device-1',
      reason: SessionRevoked_Reason.TOKEN_REUSED,
      revokedAtMs: 1_790_000_000_003,
    },
  ],
  'magpie.messaging.v1.ConversationSettingChanged': [
    {
      userId: 'uaccount',
      setting: {
        peer: 'gfirst',
        pinned: true,
        muted: true,
        saved: true,
        draft: '草稿',
        clearedPosition: 2 ** 44 + 7,
        version: 3,
      },
    },
  ],
  'magpie.messaging.v1.GroupChanged': [
    {
      group: {
        groupId: 'gfirst',
        name: '三人行',
        ownerId: 'uaccount',
        members: [
          { userId: 'uaccount', nickname: '', role: Role.OWNER, mutedUntilMs: 0 },
          { userId: 'uother', nickname: 'Bo', role: Role.MEMBER, mutedUntilMs: 1_790_000_100_000 },
        ],
        announcement: 'at eight',
        createdAtMs: 1_790_000_000_008,
        version: 4,
        memberCount: 2,
        approvalNeeded: true,
        mutedAll: true,
        state: Group_State.STATE_UNSPECIFIED,
      },
      joined: ['uother'],
      left: ['uthird'],
      by: 'uaccount',
      changedAtMs: 1_790_000_000_009,
    },
  ],
  'magpie.messaging.v1.JoinRequestChanged': [
    {
      request: {
        requestId: 'rfirst',
        groupId: 'gfirst',
        userId: 'uother',
        invitedBy: 'uaccount',
        state: JoinRequest_State.ACCEPTED,
        atMs: 1_790_000_000_020,
      },
    },
  ],
  'magpie.messaging.v1.MessageDeleted': [
    { userId: 'uaccount', deletion: { peer: 'uother', messageId: 'mfirst', position: 2 ** 44 + 5 } },
  ],
  'magpie.messaging.v1.MessageRecalled': [{ messageId: 'mfirst', position: 2 ** 44 + 5, by: 'uaccount' }],
  'magpie.messaging.v1.ReceiptChanged': [
    {
      conversation: 'd.uaccount.uother',
      reader: 'uother',
      readPosition: 2 ** 44 + 5,
      deliveredPosition: 2 ** 44 + 6,
    },
  ],
  'magpie.messaging.v1.MessageSent': [
    {
      messageId: 'mfirst',
      from: 'uaccount',
      to: 'uother',
      clientTimeMs: 1_790_000_000_004,
      content: { content: { $case: 'text', value: { text: '鹊桥 hello' } } },
      mentions: ['uother', 'all'],
      quote: {
        messageId: 'mquoted',
        from: 'uother',
        content: { content: { $case: 'text', value: { text: 'before' } } },
      },
      burnAfterMs: 0,
    },
    {
      messageId: 'msecond',
      from: 'uaccount',
      to: 'uother',
      clientTimeMs: 1_790_000_000_010,
      content: {
        content: {
          $case: 'merged',
          value: {
            title: '三人行',
            entries: [
              {
                from: 'uthird',
                serverTimeMs: 1_790_000_000_008,
                content: { content: { $case: 'text', value: { text: 'once' } } },
              },
            ],
          },
        },
      },
      mentions: [],
      quote: undefined,
      burnAfterMs: 30_000,
    },
  ],
  'magpie.social.v1.FriendRequestChanged': [
    {
      request: {
        requestId: 'rfirst',
        from: 'uaccount',
        to: 'uother',
        greeting: '你好, it is Ann',
        state: FriendRequestItem_RequestState.REFUSED,
        atMs: 1_790_000_000_005,
        source: 'group',
        reason: 'who?',
      },
      expiresAtMs: 1_790_604_800_005,
    },
  ],
  'magpie.social.v1.FriendshipChanged': [
    {
      lowerUserId: 'uaccount',
      higherUserId: 'uother',
      sides: [
        {
          userId: 'uaccount',
          has: true,
          blocked: false,
          remark: '小明',
          tags: ['work', '同学'],
          starred: true,
          hasHad: true,
        },
        { userId: 'uother', has: false, blocked: true, remark: '', tags: [], starred: false, hasHad: true },
      ],
      changedAtMs: 1_790_000_000_006,
    },
  ],
  'magpie.social.v1.PrivacyChanged': [
    {
      userId: 'uaccount',
      privacy: {
        verificationNeeded: false,
        byPhone: true,
        byName: false,
        byGroup: true,
        byCard: true,
        momentsVisibleDays: 30,
        version: 2,
      },
      changedAtMs: 1_790_000_000_007,
    },
  ],
  'magpie.social.v1.ProfileChanged': [
    {
      profile: {
        userId: 'uaccount',
        userName: 'ann_1',
        nickname: '安 Ann',
        avatarMediaId: 'favatar',
        signature: 'here and there',
        region: '上海',
        version: 2,
      },
      changedAtMs: 1_790_000_000_007,
    },
  ],
  'magpie.sync.v1.InboxEntry': [
    {
      source: { topic: 'messaging.message.v1', partition: 3, generation: 2, offset: 2 ** 43 },
      users: ['uaccount', 'uother'],
      kind: 3,
      itemId: 'mfirst',
      mode: Feed_Mode.LOG,
      itemField: 2,
      body: bytes(10, 1, 109),
      renderings: [{ users: ['uother'], body: bytes(34, 1, 117) }],
      authorUserId: 'uaccount',
      authorDeviceId: 'device-1',
      emittedFor: 0,
      replacement: undefined,
      replaceable: false,
    },
    {
      source: { topic: 'messaging.message.v1', partition: 3, generation: 2, offset: 2 ** 43 + 1 },
      users: ['uaccount'],
      kind: 3,
      itemId: '',
      mode: Feed_Mode.LOG,
      itemField: 4,
      body: bytes(10, 1, 117),
      renderings: [],
      authorUserId: '',
      authorDeviceId: '',
      emittedFor: 2,
      replacement: {
        position: 2 * 2 ** 44 + 2 ** 43,
        body: bytes(10, 1, 109),
        renderings: [{ users: ['uaccount'], body: bytes(34, 1, 117) }],
      },
      replaceable: false,
    },
    {
      source: { topic: 'messaging.message.v1', partition: 3, generation: 2, offset: 2 ** 43 + 2 },
      users: ['uaccount'],
      kind: 3,
      itemId: '',
      mode: Feed_Mode.LOG,
      itemField: 2,
      body: bytes(10, 1, 110),
      renderings: [],
      authorUserId: '',
      authorDeviceId: '',
      emittedFor: 2,
      replacement: undefined,
      replaceable: true,
    },
  ],
};

const RECORD: LogRecord = {
  generation: 511,
  version: 7,
  requestId: 'request',
  events: [
    {
      type: 'magpie.messaging.v1.MessageSent',
      body: bytes(10, 1, 109),
      feed: {
        conversation: 'd.uaccount.uother',
        users: ['uaccount'],
        kind: 3,
        itemId: 'mfirst',
        mode: Feed_Mode.STATE,
        itemField: 2,
        body: bytes(1),
        renderings: [{ users: ['uaccount'], body: bytes(2) }],
        positionField: 5,
        timeField: 8,
        authorUserId: 'uaccount',
        authorDeviceId: 'device-1',
        replacement: undefined,
        replaceable: false,
      },
      dedupeId: 'mfirst',
    },
    { type: 'magpie.auth.v1.SessionOpened', body: bytes(), feed: undefined, dedupeId: '' },
  ],
};

const rows = Object.entries(SAMPLES).flatMap(([type, values]) =>
  values.map((value, index) => ({ type: type as EventType, file: `${type}.${index + 1}.bin`, value })),
);

// Goal: bytes that were written once can be read for ever. Real: the generated codecs and committed files.
describe('samples', () => {
  it.each(rows)('$file means what it meant', ({ type, file, value }) => {
    expect(EVENTS[type].decode(readFileSync(new URL(file, FOLDER)))).toEqual(value);
  });

  it('magpie.event.v1.Record.1.bin means what it meant', () => {
    expect(LogRecord.decode(readFileSync(new URL('magpie.event.v1.Record.1.bin', FOLDER)))).toEqual(RECORD);
  });

  it('has a sample of every public event and an expectation for every sample', () => {
    const types = Object.keys(EVENTS) as EventType[];
    expect(types.filter((type) => SAMPLES[type].length === 0)).toEqual([]);
    const expected = [...rows.map(({ file }) => file), 'magpie.event.v1.Record.1.bin'];
    expect(readdirSync(FOLDER).sort()).toEqual(expected.sort());
  });
});
