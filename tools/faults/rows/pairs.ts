import { setTimeout as delay } from 'node:timers/promises';

import type { CrashPoint } from '@magpie/observability';

import { SERVICES, type Service } from '../rig.js';
import { NotReached, type Row, type Scene } from '../row.js';

/** Far beyond the session time-out after which another instance owns what this one owned. */
const FROZEN_MS = 20_000;
const FIRES_WITHIN_MS = 20_000;
const PASSES = 20;
/** Between the deaths of instances of one service and the next. */
const STAGGER_MS = 1_000;
/** How long an instance is away that was taken out. */
const AWAY_MS = 8_000;
/** A hand-over in order. */
const HANDED_OVER_MS = 2_000;
const CLOCK_OFF_MS = 120_000;
const CLOCK_OFF_FOR_MS = 10_000;

const INSTANCES = 2;

const oneOf = ({ rig, choose }: Scene, service: Service): string => rig.process(service, choose(INSTANCES));

const frozen = (service: Service): Row => ({
  name: `${service} frozen`,
  what: `One of two instances of ${service} stands still for 20 s (SIGSTOP) and then goes on as if nothing had happened.`,
  shape: 'pairs',
  run: async (scene) => {
    const name = oneOf(scene, service);
    await scene.rig.signal(name, 'SIGSTOP');
    await delay(FROZEN_MS);
    await scene.rig.signal(name, 'SIGCONT');
    return name;
  },
});

const frozenAt = (service: Service, point: CrashPoint): Row => ({
  name: `${service} frozen at ${point}`,
  what: `One of two instances of ${service} stands still for 20 s at ${point}, and then takes the next step.`,
  shape: 'pairs',
  run: async (scene) => {
    const { rig, choose } = scene;
    const name = oneOf(scene, service);
    await rig.arm(name, { point, pass: 1 + choose(PASSES), action: 'freeze' });
    const fired = await rig.fires(name, FIRES_WITHIN_MS);
    await rig.disarm(name);
    if (!fired) throw new NotReached(`${name} did not pass ${point}`);
    await delay(FROZEN_MS);
    await rig.signal(name, 'SIGCONT');
    return name;
  },
});

const CLEAN_STOP: Row = {
  name: 'clean stop of an owner',
  what: 'One of two instances of sync is told to stop (SIGTERM) and started again.',
  shape: 'pairs',
  flowsWithinMs: HANDED_OVER_MS,
  run: async (scene) => {
    const name = oneOf(scene, 'sync');
    await scene.rig.kill(name, 'SIGTERM');
    return name;
  },
};

const REPLACED: Row = {
  name: 'one of each killed and replaced',
  what: 'One of two instances of every service is killed, a second apart, and started again.',
  shape: 'pairs',
  run: async (scene) => {
    const names: string[] = [];
    for (const service of SERVICES) {
      const name = oneOf(scene, service);
      await scene.rig.kill(name);
      names.push(name);
      await delay(STAGGER_MS);
    }
    return names.join(', ');
  },
};

const MOVING: Row = {
  name: 'ownership moves',
  what: 'One of two instances of messaging and of sync is taken away in order and added again 8 s later.',
  shape: 'pairs',
  run: async (scene) => {
    const { rig } = scene;
    const names = [oneOf(scene, 'messaging'), oneOf(scene, 'sync')];
    try {
      for (const name of names) {
        await rig.hold(name);
        await rig.kill(name, 'SIGTERM');
      }
      await delay(AWAY_MS);
    } finally {
      for (const name of names) await rig.release(name);
    }
    return names.join(', ');
  },
};

const clockOff = (services: readonly Service[]): Row => ({
  name: `clock off: ${services.join(' or ')}`,
  what: `The clock of one of two instances of ${services.join(' or ')} jumps by 2 minutes, and back 10 s later.`,
  shape: 'pairs',
  run: async (scene) => {
    const name = oneOf(scene, services[scene.choose(services.length)]!);
    const clockShiftMs = scene.choose(2) === 0 ? CLOCK_OFF_MS : -CLOCK_OFF_MS;
    await scene.rig.arm(name, { clockShiftMs });
    await delay(CLOCK_OFF_FOR_MS);
    await scene.rig.disarm(name);
    return `${name} by ${clockShiftMs / 1000} s`;
  },
});

/** Faults of one of two: another takes over, and the first comes back. */
export const PAIRS: readonly Row[] = [
  REPLACED,
  CLEAN_STOP,
  MOVING,
  frozen('sync'),
  frozen('messaging'),
  frozenAt('sync', 'checkpoint.before-write'),
  frozenAt('messaging', 'lane.before-send'),
  clockOff(['messaging']),
  clockOff(['sync', 'auth', 'gateway']),
];
