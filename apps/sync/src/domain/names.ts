/** The service's topic and its two consumers, which look at each other's checkpoints. */
export const INBOX = 'sync.inbox.v1';
export const FAN_OUT = 'sync.fan-out';
export const FEED = 'sync.feed';
