import { sync } from '@magpie/contracts';
import { DomainError } from '@magpie/domain';
import { deriveId } from '@magpie/domain/ids';
import { STATE_LIMITS } from '../domain/limits.js';
import { SendTyping } from './send-typing.js';

const [ann, bob, eve] = ['ann', 'bob', 'eve'].map((name) => deriveId('u', name)) as [string, string, string];
const group = deriveId('g', 'typists');
const caller = { userId: ann, requestId: 'r1' };

/** Ports in memory: what was told to whom; `mates`: the others of the group. */
function world({ mates = [bob] }: { mates?: readonly string[] } = {}) {
  const told: { users: readonly string[]; item: sync.Item['item'] }[] = [];
  let now = 0;
  const typing = new SendTyping(
    { existing: async (ids) => new Set(ids.filter((id) => id !== eve)) },
    {
      refusalOf: async (_from, to) => (to === bob ? undefined : new DomainError('forbidden', 'BLOCKED', 'to: blocked')),
    },
    { matesOf: async () => mates },
    { send: (users, { item }) => void told.push({ users, item }) },
    () => now,
  );
  return { typing, told, pass: (ms: number) => (now += ms) };
}

// Goal: who may write may say so for a moment, to who may read it, and not too often. Auth, social and sync are stood in for.
describe('SendTyping', () => {
  it('tells the other one, by the name of who writes', async () => {
    const { typing, told } = world();
    await typing.execute(caller, { peer: bob, typing: true });
    const value = { peer: ann, userId: ann, typing: true };
    expect(told).toEqual([{ users: [bob], item: { $case: 'typing', value } }]);
  });

  it('tells the others of a group, by its name, unless they are too many', async () => {
    const few = world({ mates: [bob, eve] });
    await few.typing.execute(caller, { peer: group, typing: false });
    const value = { peer: group, userId: ann, typing: false };
    expect(few.told).toEqual([{ users: [bob, eve], item: { $case: 'typing', value } }]);
    for (const [others, count] of [
      [STATE_LIMITS.typingMembersMax - 1, 1],
      [STATE_LIMITS.typingMembersMax, 0],
    ] as const) {
      const many = world({ mates: Array.from({ length: others }, (_, n) => deriveId('u', n)) });
      await many.typing.execute(caller, { peer: group, typing: true });
      expect(many.told).toHaveLength(count);
    }
  });

  it('lets go what comes sooner than a second after the last in the same conversation', async () => {
    const { typing, told, pass } = world();
    await typing.execute(caller, { peer: bob, typing: true });
    pass(STATE_LIMITS.typingSpacingMs - 1);
    await typing.execute(caller, { peer: bob, typing: false });
    expect(told).toHaveLength(1);
    await typing.execute(caller, { peer: group, typing: true });
    expect(told).toHaveLength(2);
    pass(1);
    await typing.execute(caller, { peer: bob, typing: false });
    expect(told).toHaveLength(3);
  });

  it('is nobody’s business when one writes to oneself', async () => {
    const { typing, told } = world();
    await typing.execute(caller, { peer: ann, typing: true });
    expect(told).toEqual([]);
  });

  it.each([
    ['INVALID', ''],
    ['NO_SUCH_PEER', 'x'],
    ['NO_SUCH_PEER', eve],
    ['BLOCKED', deriveId('u', 'who blocks')],
  ])('is refused with %s', async (code, peer) => {
    const { typing, told } = world();
    await expect(typing.execute(caller, { peer, typing: true })).rejects.toMatchObject({ code });
    expect(told).toEqual([]);
  });
});
