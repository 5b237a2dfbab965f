/** Bounds of what clients send and of what an account may hold (client-contract.md). Lengths in code points. */
export const PASSWORD_LENGTH = { min: 8, max: 128 } as const;
export const NICKNAME_LENGTH = { min: 1, max: 32 } as const;
export const DEVICE_ID_LENGTH = { min: 8, max: 64 } as const;
export const DEVICE_NAME_LENGTH = { min: 0, max: 64 } as const;
export const COMMAND_ID_LENGTH = { min: 1, max: 64 } as const;
/** Refresh tokens are about 90 characters; what is longer is none. */
export const REFRESH_TOKEN_LENGTH = { min: 1, max: 256 } as const;
/** Open sessions of one user; opening one more revokes the oldest. */
export const DEVICES_MAX = 20;
/** Ids in one question of another service. */
export const IDS_MAX = 1000;
