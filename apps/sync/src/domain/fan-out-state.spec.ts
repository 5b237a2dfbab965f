import fc from 'fast-check';
import { numberOf } from '@magpie/domain';
import type { NewRow } from './entry.js';
import { backTo, risenSince } from './fan-out-state.js';
import { EMPTY_FEED, take, type FeedState } from './feed.js';
import { placeIn, sourceOf, type Source } from './place.js';

// Goal: when inboxes are lost, going back gives every feed what it misses, and nothing twice. Pure.

const TOPIC = 'messaging.message.v1';
const PARTITIONS = 3;

const arrival = (key: number, at: number): NewRow => ({
  key,
  atMs: 0,
  users: ['ua'],
  stateOf: '',
  itemField: 2,
  body: new Uint8Array(0),
  renderings: [],
  source: sourceOf(TOPIC, 0),
  sourcePosition: numberOf(1, at),
  authorUserId: '',
  authorDeviceId: '',
  outdated: false,
  replacement: undefined,
  replaceable: false,
});

const markOf = ({ watermarks }: FeedState): Source | undefined => {
  const position = watermarks.get(sourceOf(TOPIC, 0));
  return position === undefined ? undefined : placeIn(sourceOf(TOPIC, 0), position);
};

/** Which inbox partitions an event goes to. */
const audience = fc.uniqueArray(fc.nat(PARTITIONS - 1), { minLength: 1, maxLength: PARTITIONS });

describe('going back', () => {
  it('names the inbox partitions whose generation rose', () => {
    const state = { inbox: [1, 2, 1], emitted: [], rebuilt: true };
    expect(risenSince(state, [1, 2, 1])).toEqual([]);
    expect(risenSince(state, [2, 2, 3])).toEqual([0, 2]);
  });

  it('begins behind the lowest watermark, and not before what is young enough', () => {
    const place = (offset: number, generation = 1): Source => ({ topic: TOPIC, partition: 0, generation, offset });
    const back = (marks: (Source | undefined)[], generation: number | undefined = 1): number =>
      backTo({ marks, generation, oldest: 3 });
    expect(back([place(9), place(7)])).toBe(8);
    expect(back([place(9), place(1)])).toBe(3);
    expect(back([place(9), undefined])).toBe(3);
    expect(back([place(9, 1)], 2)).toBe(3);
    expect(backTo({ marks: [place(9)], generation: undefined, oldest: 3 })).toBe(3);
  });

  it('loses and repeats nothing, wherever the feeds stood when their inboxes went', () => {
    const lost = fc.array(fc.nat(30), { minLength: PARTITIONS, maxLength: PARTITIONS });
    fc.assert(
      fc.property(fc.array(audience, { maxLength: 30 }), lost, (events, taken) => {
        const due = (inbox: number): number[] => events.flatMap((to, at) => (to.includes(inbox) ? [at] : []));
        const feeds = taken.map((count, inbox) =>
          take(
            EMPTY_FEED,
            due(inbox)
              .slice(0, count)
              .map((at, offset) => arrival(numberOf(1, offset), at)),
          ),
        );
        const from = backTo({ marks: feeds.map(({ state }) => markOf(state)), generation: 1, oldest: 0 });
        for (const [inbox, { state, rows }] of feeds.entries()) {
          const again = due(inbox)
            .filter((at) => at >= from)
            .map((at, offset) => arrival(numberOf(2, offset), at));
          const all = [...rows, ...take(state, again).rows].map((row) => row.sourcePosition);
          expect(all).toEqual(due(inbox).map((at) => numberOf(1, at)));
        }
      }),
    );
  });
});
