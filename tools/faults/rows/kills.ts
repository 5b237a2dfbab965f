import type { Row, ShapeName } from '../row.js';
import type { Service } from '../rig.js';

const ONE_PROCESS_MS = 10_000;
const OWNER_MS = 8_000;
const BROKER_MS = 15_000;
const DATABASE_MS = 5_000;

const killService = (shape: ShapeName, service: Service, flowsWithinMs: number, what: string): Row => ({
  name: `kill -9 ${shape === 'one' ? 'magpie' : service}`,
  what,
  shape,
  flowsWithinMs,
  run: ({ rig }) => rig.kill(rig.process(service)),
});

const killServer = (name: string, flowsWithinMs: number, what: string): Row => ({
  name: `kill -9 ${name}`,
  what,
  shape: 'one',
  flowsWithinMs,
  run: ({ rig }) => rig.kill(name),
});

/** Processes that are killed with nothing prepared. */
export const KILLS: readonly Row[] = [
  killService('one', 'gateway', ONE_PROCESS_MS, 'The one process that holds all services is killed.'),
  killServer('kafka', BROKER_MS, 'The broker is killed.'),
  killServer('mongod', DATABASE_MS, 'The database is killed.'),
  ...(['messaging', 'sync', 'gateway', 'auth', 'social'] as const).map((service) =>
    killService('split', service, OWNER_MS, `The only process of ${service} is killed; the other services run on.`),
  ),
];
