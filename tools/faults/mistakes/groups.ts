import type { Mistake } from './mistake.js';

const SEED = 7;

/** Mistakes of groups: who is told what, when a command is answered, who is refused. */
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
  {
    name: 'a fan-out that comes back is told of present members alone',
    seed: SEED,
    edits: [
      {
        file: 'apps/sync/src/clients/members.client.ts',
        find: 'const interval = { joined, left: left === 0 ? Infinity : left };',
        replace: `if (left !== 0) continue;
    const interval = { joined: Math.min(joined, 0), left: Infinity };`,
      },
    ],
    rows: ['kill -9 sync'],
  },
  {
    name: 'a group command is answered before its record is in the log',
    seed: SEED,
    edits: [
      {
        file: 'apps/messaging/src/commands/change-group.ts',
        find: 'await this.store.awaitPublished([commit], GROUP_LIMITS.publishedWithinMs);',
        replace: 'void GROUP_LIMITS.publishedWithinMs;',
      },
    ],
    rows: ['kafka link stalled'],
  },
  {
    name: "the relay's repeats are not dropped by version",
    seed: SEED,
    edits: [
      {
        file: 'apps/sync/src/reactions/stream-versions.ts',
        find: 'if (isLater && !isHigher) return false;',
        replace: 'if (isLater && !isHigher && record.position < 0) return false;',
      },
    ],
    rows: ['kafka wiped'],
  },
  {
    name: 'a refusal comes from a stale view',
    seed: SEED,
    edits: [
      {
        file: 'apps/messaging/src/queries/group-rights.ts',
        find: 'if (refusals.size === 0) return refusals;',
        replace: 'return refusals;',
      },
    ],
    rows: ['kill -9 social'],
    note: 'Any row shows it: whoever has just come in writes at once.',
  },
];
