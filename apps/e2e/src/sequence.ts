import fc from 'fast-check';
import type { Transport } from './person.js';

export const USERS = 6;
/** Whose each device is: three of the six have two. */
export const DEVICES: readonly number[] = [0, 0, 1, 1, 2, 2, 3, 4, 5];
const TRANSPORTS = ['tcp', 'ws', 'http'] as const;

/** Every third device has no long link: it learns of nothing unless it asks. */
export const transportOf = (device: number): Transport => TRANSPORTS[device % TRANSPORTS.length]!;

const KINDS = [
  ...['request', 'answer', 'unfriend', 'block', 'remark'],
  ...['group', 'add', 'remove', 'leave', 'rename', 'admin', 'transfer', 'muteAll', 'dissolve'],
  ...['say', 'say', 'say', 'sayInGroup', 'sayInGroup', 'recall', 'delete', 'clear', 'read', 'pin', 'mute', 'draft'],
  'restart',
] as const;

/** One step of a sequence: what a device is told to do. Numbers that name nothing are taken modulo what there is. */
export interface Step {
  readonly do: (typeof KINDS)[number];
  readonly device: number;
  /** Another user. */
  readonly other: number;
  /** Which group, message or request. */
  readonly pick: number;
  readonly on: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom(...KINDS),
  device: fc.nat(DEVICES.length - 1),
  other: fc.nat(USERS - 1),
  pick: fc.nat(7),
  on: fc.boolean(),
});

/** Steps of people some of whom are friends already: pairs of users that begin so, and then what happens. */
export const sequences = fc.record({
  friends: fc.uniqueArray(fc.tuple(fc.nat(USERS - 1), fc.nat(USERS - 1)), {
    minLength: 4,
    maxLength: 10,
    selector: (pair) => pair.toSorted().join('.'),
  }),
  steps: fc.array(step, { minLength: 10, maxLength: 30, size: 'max' }),
});
