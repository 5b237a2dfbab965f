import type { Field, FieldType, Schema } from './protobuf.js';

/** The commands and messages of the client contract, written down from its text alone. */

const message = (fields: Record<string, Field>): Schema => ({ fields });
const one = (number: number, type: FieldType = 'string'): Field => ({ number, type });
const many = (number: number, type: FieldType = 'string'): Field => ({ number, type, repeated: true });

const PLATFORM = { names: ['PLATFORM_UNSPECIFIED', 'IOS', 'ANDROID', 'WEB', 'DESKTOP', 'BOT'] };
export const CODE = {
  names: [
    ...['CODE_UNSPECIFIED', 'OK', 'INVALID', 'TOO_LARGE', 'UNKNOWN_COMMAND', 'SESSION_REQUIRED', 'SESSION_EXPIRED'],
    ...['SESSION_REVOKED', 'WRONG_CREDENTIALS', 'FORBIDDEN', 'TLS_REQUIRED', 'LIMITED', 'OVERLOADED'],
    ...['IDEMPOTENCY_MISMATCH', 'NOT_FRIENDS', 'BLOCKED', 'NOT_A_MEMBER', 'MUTED', 'NO_SUCH_PEER', 'NOT_FOUND'],
    ...['ALREADY_EXISTS', 'CONFLICT', 'SYNC_KEY_EXPIRED', 'EXPIRED', 'UNAVAILABLE', 'INTERNAL'],
  ],
};

const device = message({ deviceId: one(1), name: one(2), platform: one(3, PLATFORM) });
const session = message({
  userId: one(1),
  sessionId: one(2),
  accessToken: one(3),
  accessExpiresAtMs: one(4, 'int64'),
  refreshToken: one(5),
  refreshExpiresAtMs: one(6, 'int64'),
  serverTimeMs: one(7, 'int64'),
});
const sessionAnswer = message({ session: one(1, session) });
const deviceEntry = message({
  device: one(1, device),
  sessionId: one(2),
  lastSeenAtMs: one(3, 'int64'),
  current: one(4, 'bool'),
});

const content = message({ text: one(1, message({ text: one(1) })) });
const quote = message({ messageId: one(1), from: one(2), content: one(3, content) });
const outgoing = message({
  clientId: one(1),
  clientTimeMs: one(2, 'int64'),
  to: one(3),
  content: one(4, content),
  mentions: many(5),
  quoteMessageId: one(6),
});
const sendResult = message({
  clientId: one(1),
  code: one(2, CODE),
  messageId: one(3),
  serverTimeMs: one(4, 'int64'),
});
const stored = message({
  messageId: one(1),
  from: one(2),
  to: one(3),
  peer: one(4),
  position: one(5, 'int64'),
  clientId: one(6),
  clientTimeMs: one(7, 'int64'),
  serverTimeMs: one(8, 'int64'),
  content: one(9, content),
  mentions: many(10),
  quote: one(11, quote),
  recalled: one(12, 'bool'),
});

const profile = message({
  userId: one(1),
  userName: one(2),
  nickname: one(3),
  avatarMediaId: one(4),
  signature: one(5),
  region: one(6),
  version: one(7, 'int64'),
});

const syncKey = message({
  entries: many(1, message({ selector: one(1, 'int32'), number: one(2, 'int64') })),
  stamp: one(2, 'bytes'),
});
const item = message({ number: one(1, 'int64'), message: one(2, stored), profile: one(7, profile) });

export const NOTICE = message({ fromKey: one(1, 'int64'), toKey: one(2, 'int64'), items: many(3, item) });
export const ERROR = message({
  code: one(1, CODE),
  message: one(2),
  retryAfterMs: one(3, 'int64'),
  details: many(4, message({ field: one(1), reason: one(2) })),
});

export interface Command {
  readonly id: number;
  readonly request: Schema;
  readonly response: Schema;
}

/** By the name that stands in the path of the short link; heartbeat and identify live on the long link only. */
export const COMMANDS = {
  newreg: {
    id: 32,
    request: message({
      userName: one(1),
      password: one(2),
      nickname: one(3),
      device: one(4, device),
      commandId: one(15),
    }),
    response: sessionAnswer,
  },
  manualauth: {
    id: 253,
    request: message({
      userName: one(1),
      phone: one(2),
      password: one(3),
      code: one(4),
      device: one(5, device),
      commandId: one(15),
    }),
    response: sessionAnswer,
  },
  autoauth: {
    id: 254,
    request: message({ refreshToken: one(1), commandId: one(15) }),
    response: sessionAnswer,
  },
  logout: { id: 282, request: message({ commandId: one(15) }), response: message({}) },
  getdevices: { id: 301, request: message({}), response: message({ devices: many(1, deviceEntry) }) },
  searchcontact: { id: 34, request: message({ query: one(1) }), response: message({ users: many(1, profile) }) },
  getprofile: { id: 304, request: message({ userId: one(1) }), response: message({ profile: one(1, profile) }) },
  newsendmsg: {
    id: 237,
    request: message({ messages: many(1, outgoing) }),
    response: message({ results: many(1, sendResult) }),
  },
  getmsghistory: {
    id: 401,
    request: message({
      peer: one(1),
      beforePosition: one(2, 'int64'),
      afterPosition: one(3, 'int64'),
      limit: one(4, 'int32'),
    }),
    response: message({ messages: many(1, stored), hasMore: one(2, 'bool') }),
  },
  newinit: {
    id: 27,
    request: message({ pageToken: one(1), commandId: one(15) }),
    response: message({ items: many(1, item), pageToken: one(2), syncKey: one(3, syncKey) }),
  },
  newsync: {
    id: 121,
    request: message({ syncKey: one(1, syncKey), limit: one(2, 'int32') }),
    response: message({ items: many(1, item), syncKey: one(2, syncKey), hasMore: one(3, 'bool') }),
  },
  heartbeat: {
    id: 6,
    request: message({ key: one(1, 'int64') }),
    response: message({ newestKey: one(1, 'int64'), serverTimeMs: one(2, 'int64') }),
  },
  identify: {
    id: 205,
    request: message({ accessToken: one(1), syncKey: one(2, syncKey) }),
    response: message({
      userId: one(1),
      deviceId: one(2),
      newestKey: one(3, 'int64'),
      heartbeatIntervalMs: one(4, 'int32'),
      serverTimeMs: one(5, 'int64'),
    }),
  },
} as const satisfies Record<string, Command>;

export type CommandName = keyof typeof COMMANDS;
