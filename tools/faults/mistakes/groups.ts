import type { Mistake } from './mistake.js';

const SEED = 7;

/** Mistakes of groups: who is told what. */
export const GROUP_MISTAKES: readonly Mistake[] = [
  {
    name: 'a replay reads present members instead of intervals',
    seed: SEED,
    edits: [
      {
        file: 'libs/domain/src/membership.ts',
        find: 'if (contains(own, position)) members.push(user);',
        replace: 'if (position >= 0 && own.at(-1)!.left === Infinity) members.push(user);',
      },
    ],
    specs: ['libs/domain/src/membership.spec.ts', 'apps/sync/src/reactions/group-members.spec.ts'],
    note: 'On real servers `apps/sync/test/groups.int.spec.ts` shows it too: somebody gets what was said before they came.',
  },
  {
    name: 'a history shows a group as if one had always been in it',
    seed: SEED,
    edits: [
      {
        file: 'libs/domain/src/membership.ts',
        find: 'return intervals.some(({ joined, left }) => joined <= position && position < left);',
        replace: 'return intervals.some(({ joined }) => joined <= position || position >= 0);',
      },
    ],
    specs: ['libs/domain/src/membership.spec.ts'],
    note: 'History, search, quotes and recall ask the same function.',
  },
];
