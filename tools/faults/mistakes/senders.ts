import type { Mistake } from './mistake.js';

const SEED = 7;

/** Mistakes of order, and of those who send. */
export const SENDER_MISTAKES: readonly Mistake[] = [
  {
    name: 'a looked-up message is overtaken by a young one of its request',
    seed: SEED,
    edits: [
      {
        file: 'apps/messaging/src/commands/send-messages.ts',
        find: 'const events = taken.map((each)',
        replace: 'const events = [...taken].sort((a, b) => b.clientTimeMs - a.clientTimeMs).map((each)',
      },
    ],
    rows: ['kill -9 social'],
    note: 'Any row shows it: the load is enough.',
  },
  {
    name: 'a refusal after an attempt of unknown end counts as definite: the SDK',
    seed: SEED,
    edits: [
      {
        file: 'libs/sdk/src/outbox-entry.ts',
        find: 'const uncertain = entry.uncertain || leavesUncertain(code);',
        replace: 'const uncertain = leavesUncertain(code);',
      },
    ],
    specs: ['libs/sdk/src/outbox-entry.spec.ts'],
    note: 'The devices of the load do without the SDK.',
  },
  {
    name: 'the same, in the load generator',
    seed: SEED,
    edits: [
      {
        file: 'libs/testing/src/load/lane.ts',
        find: "each.doubtful ? 'unknown' : 'refused'",
        replace: "'refused'",
      },
    ],
    specs: ['libs/testing/src/load/lane.spec.ts'],
    note:
      'Messages are refused for their content or for want of a receiver, and neither changes between two attempts: no ' +
      'fault makes the product refuse a repetition.',
  },
];
