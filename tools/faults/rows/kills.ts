import type { Row, ShapeName } from '../row.js';
import type { Service } from '../rig.js';

const killService = (shape: ShapeName, service: Service, what: string): Row => ({
  name: `kill -9 ${shape === 'one' ? 'magpie' : service}`,
  what,
  shape,
  run: ({ rig }) => rig.kill(rig.process(service)),
});

const killServer = (name: string, what: string): Row => ({
  name: `kill -9 ${name}`,
  what,
  shape: 'one',
  run: ({ rig }) => rig.kill(name),
});

/** Processes that are killed with nothing prepared. */
export const KILLS: readonly Row[] = [
  killService('one', 'gateway', 'The one process that holds all services is killed.'),
  killServer('kafka', 'The broker is killed.'),
  killServer('mongod', 'The database is killed.'),
  ...(['messaging', 'sync', 'gateway', 'auth', 'social'] as const).map((service) =>
    killService('split', service, `The only process of ${service} is killed; the other services run on.`),
  ),
];
