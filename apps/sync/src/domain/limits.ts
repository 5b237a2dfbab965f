/** Bounds of what one request, row or stream may take. */
export const LIMITS = {
  /** Items of one page of Sync; 0 in a request stands for the default. */
  pageItemsDefault: 100,
  pageItemsMax: 200,
  /** A page ends before it exceeds this, so that the answer fits a frame of 1 MiB. */
  pageBytesMax: 512 * 1024,
  /** Entries of a sync key that a client may send. */
  syncKeyEntriesMax: 16,
  /** Age at which rows are let go; a device whose key is older begins anew. */
  keptMs: 30 * 24 * 60 * 60 * 1000,
  /** How far fan-out goes back when an inbox was lost: as long as that topic is kept. */
  goneBackMs: 7 * 24 * 60 * 60 * 1000,
  /** Rows behind a checkpoint that are looked at when the inbox was lost; of more, some may be shown twice. */
  straysMax: 50_000,
  /** Rows let go in one step. */
  sweepRowsMax: 1_000,
  /** Items folded by one command. */
  foldItemsMax: 1_000,
  /** Newest rows of a feed that a device without a key is given. */
  initRowsMax: 2_000,
  /** An item above this does not ride in a delivery; the device pulls it. */
  deliveryItemBytesMax: 4 * 1024,
  /** New entries of one user kept while the user's newest key is being read. */
  deliveriesWaitingMax: 64,
  /** Deliveries that wait for one gateway stream before they shrink to one bare delivery per user. */
  streamDeliveriesMax: 8_192,
  /** Deliveries and their bytes in one message of a stream. */
  batchDeliveriesMax: 1_000,
  batchBytesMax: 512 * 1024,
  /** Rows of one partition that may be visible and not yet stand in the timeline. */
  pendingRowsMax: 2_000,
  /** How long a reader of one partition waits for visible rows to stand in the timeline, and how many may. */
  storedWaitMs: 3_000,
  storedWaitersMax: 4_096,
  /** Members of groups that are remembered for one source partition; of more the longest unused groups are forgotten. */
  membersKeptMax: 50_000,
  /** Newest keys read from the timeline at the same time for users who attach. */
  newestReadsMax: 16,
  /** Peers of a user, and users, whose messages wait to be confirmed by a device; the oldest are forgotten. */
  unconfirmedPeersMax: 32,
  unconfirmedUsersMax: 20_000,
  /** Receipts that wait to be told to messaging, and those of one request (its own bound). */
  marksMax: 10_000,
  marksPerRequestMax: 1_000,
  marksSpacingMs: 1_000,
  /** Signals of one request. */
  signalsMax: 1_000,
} as const;
