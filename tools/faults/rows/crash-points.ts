import { CRASH_POINTS, type CrashPoint } from '@magpie/observability';

import type { Rig, Service } from '../rig.js';
import { NotReached, type Row, type ShapeName } from '../row.js';
import { callSomebody } from './call-somebody.js';

/** A point that is not passed within this long is not on anybody's way. */
const FIRES_WITHIN_MS = 20_000;

interface Place {
  /** Services that pass it; which of them dies is up to the seed. */
  readonly services: readonly Service[];
  /** The death comes at one of so many next passes. */
  readonly passes: number;
  /** Brings somebody there, where the load does not. */
  readonly lead?: (rig: Rig) => Promise<void>;
}

const BUSY = 200;
/** About one pass per partition and half second. */
const CHECKPOINTS = 30;
/** A pass per sign-up or log-in, of which there are few. */
const FEW = 3;

const PLACES: Readonly<Record<string, Place>> = {
  lane: { services: ['messaging', 'sync'], passes: BUSY },
  checkpoint: { services: ['messaging', 'sync'], passes: CHECKPOINTS },
  messages: { services: ['messaging'], passes: BUSY },
  archive: { services: ['messaging'], passes: CHECKPOINTS },
  'fan-out': { services: ['sync'], passes: BUSY },
  feed: { services: ['sync'], passes: CHECKPOINTS },
  push: { services: ['sync'], passes: FEW, lead: callSomebody },
  store: { services: ['auth'], passes: FEW },
  relay: { services: ['auth'], passes: FEW },
  states: { services: ['messaging'], passes: FEW },
  session: { services: ['auth'], passes: FEW },
  gateway: { services: ['gateway'], passes: BUSY },
};

/** The process that holds the service dies at the crash point, in the middle of its work. */
export function diesAt(point: CrashPoint, shape: ShapeName): Row {
  return {
    name: `dies at ${point}`,
    what: `A process dies at ${point}, at a pass that the seed chooses.`,
    shape,
    covers: point,
    async run({ rig, choose }) {
      const place = PLACES[point.slice(0, point.indexOf('.'))];
      if (place === undefined) throw new NotReached(`nobody knows who passes ${point}`);
      const name = rig.process(place.services[choose(place.services.length)]!);
      const pass = 1 + choose(place.passes);
      await place.lead?.(rig);
      if (!(await rig.dieAt(name, point, pass, FIRES_WITHIN_MS))) {
        throw new NotReached(`${name} did not pass ${point} ${pass} times in ${FIRES_WITHIN_MS / 1000} s`);
      }
      return `${name} at pass ${pass}`;
    },
  };
}

export const CRASHES: readonly Row[] = CRASH_POINTS.map((point) => diesAt(point, 'split'));
