import { event, EVENTS, messaging } from '@magpie/contracts';
import { numberOf } from '@magpie/domain';
import { GroupTally } from './group-times.js';

const CHANGED = 'magpie.messaging.v1.GroupChanged';
const GROUP = 'g.g1';

const record = (generation: number, version: number, joined: string[], left: string[] = []): event.Record => {
  const body = EVENTS[CHANGED].encode(messaging.GroupChanged.fromPartial({ joined, left })).finish();
  return event.Record.fromPartial({ generation, version, events: [{ type: CHANGED, body }] });
};

// Goal: the judge of the matrix knows who was in a group when, also after records were published again.
describe('the reckoning of groups', () => {
  it('goes from where somebody comes in to where the same leaves, and again', () => {
    const tally = new GroupTally();
    tally.count(GROUP, 3, record(1, 1, ['ann', 'bob']));
    tally.count(GROUP, 5, record(1, 3, [], ['bob']));
    tally.count(GROUP, 9, record(1, 5, ['bob']));
    expect(tally.times.get(GROUP)).toEqual([
      { user: 'ann', from: numberOf(1, 3) },
      { user: 'bob', from: numberOf(1, 3), to: numberOf(1, 5) },
      { user: 'bob', from: numberOf(1, 9) },
    ]);
  });

  it('counts a record that is published again where it stood first', () => {
    const tally = new GroupTally();
    const [came, left] = [record(1, 1, ['ann']), record(1, 3, [], ['ann'])];
    tally.count(GROUP, 3, came);
    tally.count(GROUP, 5, left);
    const before = structuredClone(tally.times.get(GROUP));
    tally.count(GROUP, 0, { ...came, generation: 2 });
    tally.count(GROUP, 1, { ...left, generation: 2 });
    expect(tally.times.get(GROUP)).toEqual(before);
  });
});
