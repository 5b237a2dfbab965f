import type { Row } from '../row.js';
import { KILLS } from './kills.js';

/** Every fault, in the order in which they are made within a shape. */
export const ROWS: readonly Row[] = [...KILLS];

/** What `--quick` runs: the worst that can happen to each part, on one system. */
export const QUICK: readonly string[] = ['kill -9 magpie', 'kill -9 kafka', 'kill -9 mongod'];
