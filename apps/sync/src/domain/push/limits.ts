const MINUTE_MS = 60_000;

/** Bounds of offline push. */
export const PUSH_LIMITS = {
  /** Devices of one user that may be registered; of more the one that registered first is let go. */
  devicesMax: 20,
  commandIdLength: { min: 1, max: 64 },
  apnsTokenLength: { min: 64, max: 200 },
  fcmTokenLength: { min: 1, max: 4096 },
  endpointLength: { min: 12, max: 2048 },
  localeLengthMax: 35,
  /** Command ids of a user's last edits that are known. */
  editsKnownMax: 16,
  /** What calls longer ago than this does so no more. */
  expiryMs: 60 * MINUTE_MS,
  /** Least time between two pushes of one conversation to one device. */
  restMs: 5_000,
  /** How long a worker has a push to itself: longer than a request takes. */
  leaseMs: 15_000,
  triesMax: 8,
  /** Times that a push whose outcome is not known is sent. */
  unsureMax: 2,
  backOffFirstMs: 1_000,
  backOffMaxMs: 10 * MINUTE_MS,
  /** The longest wait that a provider may ask for. */
  retryAfterMaxMs: 30 * MINUTE_MS,
  /** Failures in a row that close the way to a provider, and for how long at first and at most. */
  failuresMax: 5,
  closedFirstMs: 5_000,
  closedMaxMs: 5 * MINUTE_MS,
  /** Ways (hosts of browsers' push services) whose failures are known. */
  waysMax: 1_000,
  /** Pushes under way at once: of one worker, and on one way. */
  underWayMax: 64,
  underWayPerWayMax: 16,
  /** Of one request to a provider. */
  requestTimeoutMs: 10_000,
  answerBytesMax: 16 * 1024,
  /** Characters of a message that a push shows. */
  previewLengthMax: 120,
  /** Users of one instance whose new entries wait for the grace; entries of one of them that are looked at. */
  waitingUsersMax: 50_000,
  waitingRowsMax: 32,
  /** Users judged at once. */
  judgedUsersMax: 200,
  /** Users whose registrations are known, and for how long. */
  knownUsersMax: 100_000,
  knownMs: 10 * MINUTE_MS,
  /** Devices whose confirmation waits to be written. */
  contactsWaitingMax: 10_000,
  /** Rows that a new owner of a partition looks at again. */
  recoveredRowsMax: 2_000,
  /** How long a revoked session is known: longer than its access token lives. */
  sessionKnownMs: 24 * 60 * MINUTE_MS,
} as const;
