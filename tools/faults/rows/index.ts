import type { Row } from '../row.js';
import { CRASHES, diesAt } from './crash-points.js';
import { DISKS } from './disks.js';
import { KAFKA_LINKS } from './kafka-links.js';
import { KILLS } from './kills.js';
import { LINKS } from './links.js';
import { OUTAGES } from './outages.js';
import { PAIRS } from './pairs.js';
import { STORES } from './stores.js';

/** Every fault, in the order in which they are made within a shape. */
export const ROWS: readonly Row[] = [
  ...KILLS,
  ...LINKS,
  ...STORES,
  ...OUTAGES,
  ...CRASHES,
  ...KAFKA_LINKS,
  ...PAIRS,
  ...DISKS,
];

const QUICK_NAMES: readonly string[] = ['kill -9 magpie', 'kill -9 kafka', 'kill -9 mongod', 'links cut'];

/** What `--quick` runs: each part dies once, and everything at once in the middle of its steps; all on one system. */
export const QUICK: readonly Row[] = [
  ...ROWS.filter(({ name }) => QUICK_NAMES.includes(name)),
  diesAt('messages.after-append', 'one'),
  diesAt('fan-out.after-inbox', 'one'),
  diesAt('feed.after-visible', 'one'),
];
