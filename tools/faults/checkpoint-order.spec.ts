import { CheckpointOrder, type CheckpointSeen } from './checkpoint-order.js';

const at = (epoch: number, next?: number, generation?: number): CheckpointSeen => ({
  _id: 'sync.feed/t/0',
  epoch,
  ...(next === undefined ? {} : { next }),
  ...(generation === undefined ? {} : { generation }),
});

function faultsOf(...seen: readonly (CheckpointSeen | undefined)[]): readonly string[] {
  const order = new CheckpointOrder();
  for (const each of seen) order.see('db', each === undefined ? [] : [each]);
  return order.faults();
}

describe('checkpoint order', () => {
  it('sees an owner whose place falls behind what it has written', () => {
    // Goal: a write of a former owner over that of the present one is told, once, and by name.
    const faults = faultsOf(at(5, 100, 1), at(6, 100, 1), at(6, 140, 1), at(6, 100, 1), at(6, 150, 1), at(6, 120, 1));
    expect(faults).toEqual(['checkpoint db: sync.feed/t/0 went back']);
    expect(faultsOf(at(6, 10, 2), at(6, 20, 2), at(6, 30, 1))).toHaveLength(1);
    expect(faultsOf(at(6, 10), at(5, 20))).toEqual(['the epoch of checkpoint db: sync.feed/t/0 fell']);
  });

  it('lets a new owner begin further back, a log begin anew and a database be dropped', () => {
    // Goal: what the rules allow is no fault.
    expect(faultsOf(at(5), at(5, 0, 0), at(5, 100, 1), at(6, 100, 1), at(6, 40, 1), at(6, 60, 1))).toEqual([]);
    expect(faultsOf(at(5, 100, 1), at(6, 30, 1), at(6, 40, 1), at(6, 3, 2))).toEqual([]);
    expect(faultsOf(at(5, 100, 1), at(6, 140, 1), at(6, 120, 1))).toEqual([]);
    expect(faultsOf(at(5, 100, 1), at(5, 200, 1), undefined, at(1, 3, 1))).toEqual([]);
  });
});
