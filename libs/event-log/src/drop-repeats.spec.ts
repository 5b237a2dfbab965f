import fc from 'fast-check';
import { dropRepeats } from './drop-repeats.js';
import type { LogRecord } from './record.js';

function record(offset: number, appendedAtMs: number, ...ids: string[]): LogRecord {
  const events = ids.map((dedupeId) => ({ type: 't', body: new Uint8Array(), feed: undefined, dedupeId }));
  const place = { topic: 'messaging.message.v1' as const, partition: 0, generation: 1, position: 2 ** 44 + offset };
  return { ...place, offset, key: 'k', appendedAtMs, version: 0, requestId: '', events };
}

/** The work under test, and the ids that passed. */
function watched(windowMs: number, before: () => void = () => undefined) {
  const passed: string[] = [];
  const process = async (records: LogRecord[]) => {
    before();
    passed.push(...records.flatMap(({ events }) => events.map(({ dedupeId }) => dedupeId)));
  };
  return { passed, work: dropRepeats({ process, state: () => ({}), lost: () => undefined }, windowMs) };
}

describe('dropRepeats', () => {
  it('lets an id pass once within the window, in one batch or over several', async () => {
    const { passed, work } = watched(100);
    await work.process([record(0, 1_000, 'a', 'b'), record(1, 1_000, 'a')]);
    await work.process([record(2, 1_090, 'b', 'c')]);
    expect(passed).toEqual(['a', 'b', 'c']);
  });

  it('forgets an id after the window, and never holds events without one', async () => {
    const { passed, work } = watched(100);
    await work.process([record(0, 1_000, 'a', ''), record(1, 1_101, 'a', '')]);
    expect(passed).toEqual(['a', '', 'a', '']);
  });

  it('knows what it was told to remember', async () => {
    const { passed, work } = watched(100);
    work.remember!([record(0, 1_000, 'a')]);
    await work.process([record(1, 1_050, 'a', 'b')]);
    expect(passed).toEqual(['b']);
  });

  it('lets the same records pass again after a try that failed', async () => {
    let failing = true;
    const { passed, work } = watched(100, () => {
      if (failing) throw new Error('not now');
    });
    work.remember!([record(0, 1_000, 'a')]);
    const batch = [record(1, 1_050, 'a', 'b'), record(2, 1_200, 'c', 'b')];
    await expect(work.process(batch)).rejects.toThrow('not now');
    failing = false;
    await work.process(batch);
    expect(passed).toEqual(['b', 'c', 'b']);
  });

  it('knows repeats though the clock of the broker goes back', async () => {
    const { passed, work } = watched(600);
    await work.process([record(0, 1_000, 'a'), record(1, 1_350, 'b'), record(2, 1_010, 'a', 'c')]);
    await work.process([record(3, 1_020, 'b', 'c'), record(4, 1_360, 'a')]);
    expect(passed).toEqual(['a', 'b', 'c']);
  });

  it('is the same as remembering every sighting for ever', async () => {
    const steps = fc.array(fc.tuple(fc.nat(90), fc.constantFrom('a', 'b', 'c', 'd')));
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 1, max: 200 }), async (given, windowMs) => {
        const { passed, work } = watched(windowMs);
        const lastSeen = new Map<string, number>();
        const expected: string[] = [];
        let at = 1_000;
        for (const [offset, [later, id]] of given.entries()) {
          at += later;
          if ((lastSeen.get(id) ?? -Infinity) < at - windowMs) expected.push(id);
          lastSeen.set(id, at);
          await work.process([record(offset, at, id)]);
        }
        expect(passed).toEqual(expected);
      }),
    );
  });
});
