/** Bounds of what a client may send (client-contract.md, "messaging"). */
export const MESSAGE_LIMITS = {
  messagesPerRequestMax: 50,
  clientIdLengthMax: 64,
  mentionsMax: 100,
  historyPageMax: 100,
  /** A page of history ends before it exceeds this, so that the answer fits a frame of 1 MiB; it has one message at least. */
  historyBytesMax: 512 * 1024,
} as const;

/** Bounds of what other services ask about groups. */
export const MEMBERSHIP_LIMITS = { wantedMax: 100 } as const;

/** Bounds of taking a message back. */
export const RECALL_LIMITS = {
  commandIdLengthMax: 64,
  /** By its server time. All recalls of a message lie closer together than readers remember ids. */
  ageMaxMs: 120_000,
} as const;

/** Bounds of what is kept of conversations besides their messages. */
export const STATE_LIMITS = {
  /** Conversations that one user has pinned. */
  pinnedMax: 50,
  /** In code points. */
  draftLength: { min: 0, max: 4096 },
  /** Messages of one DeleteMessages. */
  deletedPerRequestMax: 100,
  /** Receipts in one request of sync. */
  marksPerRequestMax: 1_000,
  /** Between two of one user in one conversation; what comes between is not told. */
  typingSpacingMs: 1_000,
  /** In larger groups nobody is told who writes. */
  typingMembersMax: 50,
  /** Users in conversations of whom it is remembered when they were typing; the oldest go first. */
  typingKeptMax: 100_000,
  /** How long the answer to a command is remembered for its repeats. */
  commandsKeptMs: 7 * 24 * 60 * 60 * 1000,
} as const;

/** Bounds of forwarding. Lengths in code points. */
export const FORWARD_LIMITS = {
  /** In one merged message. */
  messagesMax: 100,
  titleLengthMax: 64,
  /** Encoded; of the merged message as a whole. */
  mergedBytesMax: 64 * 1024,
  /** A merged message may hold merged ones, and these none. */
  mergedDepthMax: 2,
} as const;

/** How long a message is seen after it was read. */
export const BURN_LIMITS = {
  afterMsMin: 1_000,
  afterMsMax: 7 * 24 * 60 * 60 * 1000,
} as const;

/** Bounds of what a message says, by kind. Lengths in code points, but where something else is named. */
export const CONTENT_LIMITS = {
  textLengthMax: 4096,
  mediaBytesMax: 2 ** 30,
  /** Of a picture or film, in pixels. */
  sideMax: 32_768,
  voiceMsMax: 60_000,
  videoMsMax: 6 * 60 * 60 * 1000,
  packIdLengthMax: 64,
  fileNameLengthMax: 255,
  mediaTypeLengthMax: 127,
  latitudeMax: 90,
  longitudeMax: 180,
  labelLengthMax: 256,
  urlLengthMax: 2048,
  linkTitleLengthMax: 128,
  linkSummaryLengthMax: 512,
  customTypeLengthMax: 64,
  customBytesMax: 8 * 1024,
} as const;

/** Bounds of groups. Lengths in code points. */
export const GROUP_LIMITS = {
  /** The owner included. */
  membersMax: 500,
  /** Besides the owner. */
  adminsMax: 10,
  /** Of one AddMembers. */
  membersPerRequestMax: 100,
  nameLength: { min: 1, max: 64 },
  announcementLength: { min: 0, max: 2000 },
  nicknameLength: { min: 0, max: 32 },
  commandIdLength: { min: 1, max: 64 },
  /** Who wait to be let in at the same time. */
  waitingMax: 100,
  /** Who may not write at the same time, those included who have left meanwhile. */
  mutesMax: 500,
  muteMsMax: 30 * 24 * 60 * 60 * 1000,
  ticketTtlMs: 7 * 24 * 60 * 60 * 1000,
  /** Up to so many members are told with the group itself by sync. */
  membersInItemMax: 100,
  /** Whom a tip names. */
  tipNamesMax: 20,
  /** How long a command waits for its record to be in the log. */
  publishedWithinMs: 5_000,
} as const;

/** Bounds of a search, and of what one costs. Lengths in code points. */
export const SEARCH_LIMITS = {
  queryLengthMax: 64,
  pageMax: 100,
  pageDefault: 20,
  /** Blocks of the index that one page looks at, of 64 messages at most; a page that meets more ends there. */
  blocksMax: 2_000,
  /** Conversations that the database merges in one query (its own bound is 200). */
  conversationsMax: 200,
} as const;
