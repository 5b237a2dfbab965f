import { PartitionOwners } from './partition-owners.js';

// Goal: a user is always looked for at the instance that announced its partition last. Real: all.
describe('PartitionOwners', () => {
  const owners = () => {
    const fresh = new PartitionOwners();
    fresh.spread(1);
    return fresh;
  };

  it('knows nobody before it is told', () => {
    expect(new PartitionOwners().ownerOf('ua')).toBeUndefined();
    expect(owners().ownerOf('ua')).toBeUndefined();
  });

  it('believes the highest epoch, whatever comes in between', () => {
    const map = owners();
    expect(map.announce('a', { partition: 0, epoch: 5, owned: true })).toBe(true);
    expect(map.announce('b', { partition: 0, epoch: 7, owned: true })).toBe(true);
    expect(map.announce('a', { partition: 0, epoch: 5, owned: true })).toBe(false);
    expect(map.announce('a', { partition: 0, epoch: 5, owned: false })).toBe(false);
    expect(map.ownerOf('ua')).toBe('b');
  });

  it('attaches anew when an owner lost the partition and took it again unseen', () => {
    const map = owners();
    map.announce('a', { partition: 0, epoch: 5, owned: true });
    expect(map.announce('a', { partition: 0, epoch: 5, owned: true })).toBe(false);
    expect(map.announce('a', { partition: 0, epoch: 6, owned: true })).toBe(true);
  });

  it('forgets an owner that left or cannot be reached, and takes it back', () => {
    const map = owners();
    map.announce('a', { partition: 0, epoch: 5, owned: true });
    expect(map.gone('a')).toEqual([0]);
    expect(map.ownerOf('ua')).toBeUndefined();
    expect(map.announce('a', { partition: 0, epoch: 5, owned: true })).toBe(true);
    expect(map.announce('a', { partition: 0, epoch: 5, owned: false })).toBe(true);
    expect(map.ownerOf('ua')).toBeUndefined();
  });
});
