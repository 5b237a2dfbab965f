import fc from 'fast-check';
import { numberOf } from '@magpie/domain';
import type { NewRow } from './entry.js';
import { EMPTY_FEED, fromStored, take, toStored, withStrays, type FeedState } from './feed.js';
import { FROM_STORE, sourceOf } from './place.js';

// Goal: whatever batches and restarts an inbox log is read in, the feed is the same. Pure.

const INBOX_GENERATION = 1;

function row(offset: number, source: number, at: number, generation = 1): NewRow {
  return {
    key: numberOf(INBOX_GENERATION, offset),
    atMs: 1_000 + offset,
    users: ['ua'],
    stateOf: '',
    itemField: 2,
    body: new Uint8Array(0),
    renderings: [],
    source: sourceOf('messaging.message.v1', source),
    sourcePosition: numberOf(generation, at),
    authorUserId: '',
    authorDeviceId: '',
    outdated: false,
    replacement: undefined,
    replaceable: false,
  };
}

const eventOf = ({ source, sourcePosition }: NewRow): string => `${source}/${sourcePosition}`;

/** The inbox that fan-out leaves behind: per source in order, with stretches that it emitted again after restarts. */
function inboxOf(emissions: readonly { source: number; back: number }[]): NewRow[] {
  const next = new Map<number, number>();
  return emissions.map(({ source, back }, offset) => {
    const at = Math.max(0, (next.get(source) ?? 0) - back);
    next.set(source, at + 1);
    return row(offset, source, at);
  });
}

const emissions = fc.array(fc.record({ source: fc.nat(3), back: fc.constantFrom(0, 0, 0, 1, 2, 5) }), {
  maxLength: 80,
});

/** A run over the log: batches of given sizes, some of which die before or after their rows are stored. */
type Step = { size: number; end: 'done' | 'dies before' | 'dies half' | 'dies after' };
const steps = fc.array(
  fc.record({
    size: fc.integer({ min: 1, max: 9 }),
    end: fc.constantFrom<Step['end']>('done', 'done', 'done', 'dies before', 'dies half', 'dies after'),
  }),
  { minLength: 1, maxLength: 60 },
);

interface Run {
  timeline: Map<number, string>;
  checkpoint: { stored: ReturnType<typeof toStored>; next: number };
}

function step(run: Run, log: readonly NewRow[], { size, end }: Step): FeedState {
  const { next, stored } = run.checkpoint;
  const before = fromStored(stored, INBOX_GENERATION);
  const batch = log.slice(next, next + size);
  const { state, rows } = take(before, batch);
  const written = end === 'dies before' ? 0 : end === 'dies half' ? Math.floor(rows.length / 2) : rows.length;
  for (const row of rows.slice(0, written)) run.timeline.set(row.key, eventOf(row));
  if (end !== 'done') return before;
  run.checkpoint = { stored: toStored(state), next: next + batch.length };
  return state;
}

describe('feed', () => {
  it('takes each source event once, in the order of its source', () => {
    fc.assert(
      fc.property(emissions, (made) => {
        const { rows } = take(EMPTY_FEED, inboxOf(made));
        const positions = (rows_: readonly NewRow[], source: number): number[] =>
          rows_.filter((one) => one.source === source).map((one) => one.sourcePosition);
        for (const source of new Set(rows.map((one) => one.source))) {
          const all = new Set(positions(inboxOf(made), source));
          expect(positions(rows, source)).toEqual([...all].sort((a, b) => a - b));
        }
      }),
    );
  });

  it('gives the same timeline, watermarks and visible mark however it is cut and replayed', () => {
    fc.assert(
      fc.property(emissions, steps, (made, run) => {
        const log = inboxOf(made);
        const whole = take(EMPTY_FEED, log);
        const expected = new Map(whole.rows.map((row) => [row.key, eventOf(row)]));
        const state: Run = { timeline: new Map(), checkpoint: { stored: toStored(EMPTY_FEED), next: 0 } };
        for (const one of run) {
          const { visible } = step(state, log, one);
          // Up to the visible mark nothing is missing and nothing is there that should not be.
          const seen = [...state.timeline].filter(([key]) => key <= visible).sort(([a], [b]) => a - b);
          expect(seen).toEqual([...expected].filter(([key]) => key <= visible));
        }
        step(state, log, { size: log.length + 1, end: 'done' });
        expect(state.timeline).toEqual(expected);
        expect(fromStored(state.checkpoint.stored, INBOX_GENERATION)).toEqual(whole.state);
      }),
    );
  });

  it('counts a later generation of a source as later, whatever the offset', () => {
    expect(take(EMPTY_FEED, [row(0, 0, 7), row(1, 0, 0, 2)]).rows).toHaveLength(2);
  });

  it('lets entries pass that were meant for the inbox before, without moving past what was lost', () => {
    const known = take(EMPTY_FEED, [row(0, 0, 1)]).state;
    const outdated = { ...row(0, 0, 5), key: numberOf(2, 0), outdated: true };
    const again = [2, 3, 4, 5].map((at, k) => ({ ...row(0, 0, at), key: numberOf(2, 1 + k) }));
    const { state, rows } = take(known, [outdated, ...again]);
    expect(rows.map((one) => one.sourcePosition)).toEqual([2, 3, 4, 5].map((at) => numberOf(1, at)));
    expect(state).toMatchObject({ generation: 2, visible: numberOf(2, 4) });
  });

  it('passes over records of a generation that is over', () => {
    const risen = take(EMPTY_FEED, [{ ...row(0, 0, 1), key: numberOf(2, 0) }]).state;
    expect(take(risen, [row(7, 0, 2)])).toEqual({ state: risen, rows: [] });
  });

  it('knows events whose rows stand behind its checkpoint, until its watermarks pass them', () => {
    const at = (position: number) => ({ source: sourceOf('messaging.message.v1', 0), position: numberOf(1, position) });
    const crashed = withStrays(take(EMPTY_FEED, [row(0, 0, 1)]).state, [at(1), at(3), at(5)]);
    const stored = (state: FeedState): FeedState => fromStored(toStored(state), state.generation);
    const first = take(
      stored(crashed),
      [2, 3].map((position, k) => row(1 + k, 0, position)),
    );
    expect(first.rows.map((one) => one.sourcePosition)).toEqual([numberOf(1, 2)]);
    const second = take(
      stored(first.state),
      [4, 5, 6].map((position, k) => row(3 + k, 0, position)),
    );
    expect(second.rows.map((one) => one.sourcePosition)).toEqual([numberOf(1, 4), numberOf(1, 6)]);
    expect(toStored(second.state).straySteps).toBeUndefined();
  });

  it('writes tens of thousands of such events into a checkpoint in few bytes, and keeps them until one is passed', () => {
    const rows = Array.from({ length: 50_000 }, (_, k) => ({
      source: sourceOf('messaging.message.v1', k % 8),
      position: numberOf(3, 1_000_000 + 3 * k),
    }));
    const crashed = withStrays(take(EMPTY_FEED, [row(0, 9, 1)]).state, rows);
    expect(JSON.stringify(toStored(crashed)).length).toBeLessThan(200_000);
    expect(fromStored(toStored(crashed), crashed.generation)).toEqual(crashed);
    const elsewhere = take(crashed, [row(1, 9, 2)]).state;
    expect(elsewhere.strays).toBe(crashed.strays);
    const passed = take(elsewhere, [row(2, 3, 1_000_000 + 9, 3)]).state;
    expect([passed.strays.get(3)?.length, passed.strays.get(4)]).toEqual([6_249, crashed.strays.get(4)]);
  });

  it('takes every entry that stands in no log, also one that was meant for the inbox before', () => {
    const fromStore = (offset: number, outdated = false) => ({
      ...row(offset, 0, 0),
      sourcePosition: FROM_STORE,
      outdated,
    });
    const { state, rows } = take(EMPTY_FEED, [
      row(0, 0, 3),
      fromStore(1),
      fromStore(2, true),
      row(3, 0, 3),
      row(4, 0, 4),
    ]);
    expect(rows.map(({ key }) => key)).toEqual([0, 1, 2, 4].map((offset) => numberOf(INBOX_GENERATION, offset)));
    expect(toStored(state).sources).toMatchObject([{ offset: 4 }]);
    expect(take(EMPTY_FEED, [fromStore(0)]).state.watermarks.size).toBe(0);
  });

  it('refuses an inbox that runs backwards', () => {
    const [first, second] = inboxOf([
      { source: 0, back: 0 },
      { source: 0, back: 0 },
    ]);
    expect(() => take(EMPTY_FEED, [second!, first!])).toThrow(RangeError);
  });
});
