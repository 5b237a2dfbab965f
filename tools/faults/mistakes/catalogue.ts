import { GROUP_MISTAKES } from './groups.js';
import { LANE_MISTAKES } from './lanes.js';
import { LOG_MISTAKES } from './log.js';
import type { Mistake } from './mistake.js';
import { READER_MISTAKES } from './readers.js';
import { SENDER_MISTAKES } from './senders.js';

/** Every mistake that `npm run faults -- --mistakes` makes. */
export const MISTAKES: readonly Mistake[] = [
  ...LOG_MISTAKES,
  ...LANE_MISTAKES,
  ...READER_MISTAKES,
  ...SENDER_MISTAKES,
  ...GROUP_MISTAKES,
];
