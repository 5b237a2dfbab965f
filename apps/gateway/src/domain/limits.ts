/** Requests of one link that may be under way; its socket is paused there. */
export const IN_FLIGHT_MAX = 16;
/** Unsent bytes of a link from which on it is only told that there is news. */
export const WRITE_BUFFER_NOTICE_ONLY = 256 * 1024;
/** Unsent bytes at which a link is closed. */
export const WRITE_BUFFER_MAX = 4 * 1024 * 1024;
/** Body of a short-link request. */
export const HTTP_BODY_MAX = 1024 * 1024;
/** Longest access token that is looked at. */
export const TOKEN_LENGTH_MAX = 4096;
/** How long identify waits for the newest key. */
export const IDENTIFY_FEED_WAIT_MS = 2000;
/** Longer than an access token lives (10 minutes). */
export const REVOKED_KEEP_MS = 15 * 60 * 1000;
/** How long the requests under way on a link may take once its session has ended. */
export const LAST_ANSWERS_WAIT_MS = 2000;
/** Sessions in one question to auth. */
export const SESSION_CHECK_BATCH_MAX = 1000;
/** Users in one attach. */
export const ATTACH_BATCH_MAX = 1000;
/** Users whose allowance is remembered before idle ones are forgotten. */
export const ALLOWANCE_USERS_MAX = 100_000;
/** When to try again after a part of us was not there. */
export const RETRY_AFTER_MS = 1000;
