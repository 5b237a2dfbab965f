/** Records that one produce request of a lane may hold. */
export const FLUSH_RECORDS_MAX = 2_000;
/** Bytes (keys and values) that one produce request of a lane may hold, unless a single record is larger. */
export const FLUSH_BYTES_MAX = 1_000_000;
/** Least time between two starts of a produce request of one lane. */
export const FLUSH_SPACING_MS = 2;
/**
 * A flush of many records shows that there is much: the next waits so long for each of them, up to the most. Requests
 * cost by their number: at 2 000 msg/s this spares the broker a fifth and the process a tenth of its time.
 */
export const FLUSH_SPACING_PER_RECORD_MS = 1;
export const FLUSH_SPACING_MAX_MS = 10;
/** One record: Kafka's own default bound is 1 MiB with its framing. */
export const RECORD_BYTES_MAX = 900_000;
/** A record with its generation before it, as its dead letter carries it. */
export const FRAMED_BYTES_MAX = RECORD_BYTES_MAX + 3;
/** Entries that may wait in a lane before a request is refused. */
export const LANE_RECORDS_MAX = 20_000;
/** Bytes that may wait in a lane before a request is refused. */
export const LANE_BYTES_MAX = 16_000_000;
/** An entry of a request lane that is not acknowledged by then is given up: its outcome is unknown. */
export const REQUEST_DEADLINE_MS = 30_000;
/** A produce request that has no answer by then is given up, with its producer: well before its records are. */
export const SEND_MAX_MS = 15_000;
/** How long a log that closes lets its lanes drain. */
export const DRAIN_MS = 5_000;
/** When a client that met a full lane should try again. */
export const OVERLOADED_RETRY_MS = 500;

/** Waits between tries, of lanes and of workers alike: from … doubling to … */
export const RETRY_FIRST_MS = 20;
export const RETRY_MAX_MS = 1_000;

/** Records and bytes of one partition that may wait for `process`; above, the partition is paused. */
export const PARTITION_RECORDS_MAX = 4_000;
export const PARTITION_BYTES_MAX = 4_000_000;
/** Records that `process` gets at once. */
export const PROCESS_RECORDS_MAX = 1_000;
/** Tries of a record whose handling fails in a way that looks like a bug, before it counts as poison. */
export const POISON_TRIES = 3;

export const SESSION_TIMEOUT_MS = 6_000;
/** Also how late a member hears of a rebalance, and with it of the partitions that another has left. */
export const HEARTBEAT_MS = 300;
/** For a member to join again, once it has heard of a rebalance: what it works on does not keep it. */
export const REBALANCE_TIMEOUT_MS = 10_000;
/** A consumer without any sign from its group for that long is replaced: longer than a join may take. */
export const SILENCE_MAX_MS = 30_000;
export const FETCH_WAIT_MS = 500;
export const FETCH_PARTITION_BYTES_MAX = 262_144;

/** Latest records of each partition that a rehearsal works through: the code they go through is known then. */
export const REHEARSED_RECORDS = 64;
/** A rehearsal that takes longer is given up: others work, but one of them fewer. */
export const REHEARSAL_MAX_MS = 3_000;

/** How often the checkpoints of a process are written. */
export const CHECKPOINT_MS = 500;
/** How often the group's offsets are committed, for lag tools. */
export const GROUP_COMMIT_MS = 5_000;
/** How often the ends of a service's own topics are noted in `state_log`. */
export const ENDS_MS = 5_000;
/** How often a service looks whether its topics are still those that it checked. */
export const WATCH_MS = 5_000;
/** How long a start waits for topics, leaders and the lease of the generations. */
export const START_WAIT_MS = 60_000;
/** After so long without a sign, a lease of this library is free. */
export const LEASE_TTL_MS = 5_000;
/** Checks of the generations that others overtook, until whoever asked is told so. */
export const CHECK_TRIES_MAX = 5;
/** What was redriven is remembered for so much longer than the oldest dead letter that is left. */
export const MARK_MARGIN_MS = 24 * 60 * 60 * 1_000;
/** How long a consumer that stops waits for the work at hand. */
export const STOP_WAIT_MS = 10_000;
/** A shortened log is read again from that long before the last record known (machinery.md §1.6). */
export const SHORTENED_OVERLAP_MS = 60_000;

/** Server time is in doubt for that long after the process clock jumped or a generation rose (machinery.md §3.2). */
export const CLOCK_DOUBT_MS = 180_000;
/** A correction of the process clock that changes by more is a jump. */
export const CLOCK_JUMP_MS = 10_000;

/** After a sign of other writers, a partition is fetched for that long before the tail of this process is relied on. */
export const OTHERS_QUIET_MS = 10_000;
/** How often the end of the log is asked for partitions that are followed by the tail. */
export const PROBE_MS = 500;
