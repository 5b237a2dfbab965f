/** Bounds of what clients send and of what social keeps (client-contract.md). Lengths in code points. */
export const NICKNAME_LENGTH = { min: 1, max: 32 } as const;
export const SIGNATURE_LENGTH = { min: 0, max: 30 } as const;
export const REGION_LENGTH = { min: 0, max: 64 } as const;
export const GREETING_LENGTH = { min: 0, max: 100 } as const;
export const SOURCE_LENGTH = { min: 0, max: 32 } as const;
export const REASON_LENGTH = { min: 0, max: 100 } as const;
export const REMARK_LENGTH = { min: 0, max: 32 } as const;
export const TAG_LENGTH = { min: 1, max: 32 } as const;
/** Tags of one contact. */
export const TAGS_MAX = 20;
export const COMMAND_ID_LENGTH = { min: 1, max: 64 } as const;
/** How long a friend request waits for its answer, from the last time that it was asked. */
export const REQUEST_TTL_MS = 7 * 24 * 60 * 60 * 1000;
/** Between two greetings of one request. */
export const RENEWAL_SPACING_MS = 60_000;
/** What `moments_visible_days` may be; 0 = all. */
export const MOMENTS_VISIBLE_DAYS = [0, 3, 30, 180] as const;
/** Searches of one user in a window: who types names does not come there, who tries out names does. */
export const SEARCHES_PER_WINDOW = 60;
export const SEARCH_WINDOW_MS = 10 * 60_000;
/** Pairs in one question of another service. */
export const PAIRS_MAX = 100;
