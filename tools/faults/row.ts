import type { CrashPoint } from '@magpie/observability';
import type { Choose, Load, LoadResult, SignUpResult, Trial } from '@magpie/testing';

import type { Rig, Shape } from './rig.js';

/** The systems that rows run on, in the order in which they are started. */
export const SHAPES = {
  one: { split: false, instances: 1 },
  split: { split: true, instances: 1 },
  /** As `split`, with a proxy between the services and Kafka. */
  proxied: { split: true, instances: 1, proxied: true },
  pairs: { split: true, instances: 2 },
  /** As `one`, with Kafka's and MongoDB's data on small volumes of their own. */
  disks: { split: false, instances: 1 },
} as const satisfies Record<string, Shape>;

export type ShapeName = keyof typeof SHAPES;

/** What a row finds when it makes its fault: a healthy system under load. */
export interface Scene {
  readonly rig: Rig;
  readonly load: Load;
  readonly trial: Trial;
  readonly choose: Choose;
}

/** A fault that the system must survive. */
export interface Row {
  readonly name: string;
  /** What is done, in one sentence of the report. */
  readonly what: string;
  readonly shape: ShapeName;
  readonly covers?: CrashPoint;
  /** What the users lose meanwhile must flow again this soon: a goal that the report holds against what was measured. */
  readonly flowsWithinMs?: number;
  /** The log is lost: nobody can say afterwards when who came into a group, so nobody comes or goes meanwhile. */
  readonly losesLog?: true;
  /**
   * Makes the fault and, where the supervisor does not repair it by itself, repairs it. Throws NotReached or NotRun when
   * there was no fault; answers particulars for the report.
   */
  run(scene: Scene): Promise<string | void>;
}

/** The fault could not be made to happen: the row fails. */
export class NotReached extends Error {}

/** The machine does not allow the fault: the row neither passes nor fails. */
export class NotRun extends Error {}

export const STATUSES = ['passed', 'failed', 'not reached', 'not run'] as const;

export type Status = (typeof STATUSES)[number];

/** What a report tells of a row. */
export type ToldRow = Pick<Row, 'name' | 'what' | 'shape' | 'flowsWithinMs'>;

export interface RowResult {
  readonly row: ToldRow;
  readonly status: Status;
  /** Empty when it passed. */
  readonly reasons: readonly string[];
  readonly particulars: string;
  readonly load?: LoadResult;
  readonly signUps?: SignUpResult;
  readonly tookMs: number;
}

/** Every row with the choices of one seed. */
export interface Run {
  readonly seed: number;
  readonly results: readonly RowResult[];
}
