import { silentLogger } from '@magpie/observability';
import { numberOf } from '@magpie/domain';
import { LIMITS } from '../domain/limits.js';
import { beginFeed } from './begin-feed.js';
import { idOf } from './timeline.js';

// Goal: that more rows stand behind the checkpoint of a lost inbox than are looked at is said. The database is a stand-in.
describe('a feed whose inbox was lost', () => {
  it.each([
    [LIMITS.straysMax - 1, 0],
    [LIMITS.straysMax, 1],
  ])('with %i rows behind its checkpoint', async (count, cuts) => {
    const said: string[] = [];
    const rows = Array.from({ length: count }, (_, k) => ({ _id: idOf(0, numberOf(1, k)), s: 0, p: numberOf(1, k) }));
    const { state, newestRow } = await beginFeed(
      {
        topic: 'sync.inbox.v1',
        partition: 0,
        epoch: 1,
        checkpoint: { next: 0, generation: 1, state: { visible: 0, sources: [] } },
        logEnd: 0,
        lost: true,
      },
      {
        log: { generationOf: () => 2, checkpointsOf: () => Promise.resolve(new Map()) },
        timeline: { find: () => ({ toArray: () => Promise.resolve(rows) }) } as never,
        retention: { floorOf: () => Promise.resolve(0), raiseFloor: () => Promise.resolve() },
        sameDatabase: () => Promise.resolve(),
        logger: { ...silentLogger(), warn: (_, message) => void said.push(message) },
      },
    );
    expect([state.strays.get(0)?.length, newestRow]).toEqual([count, numberOf(1, count - 1)]);
    expect(said.filter((line) => line.includes('may be shown twice'))).toHaveLength(cuts);
  });
});
