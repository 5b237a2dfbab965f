import { event } from '@magpie/contracts';
import type { ConsumerSpec, EventLog, LogRecord } from '@magpie/event-log';
import { silentLogger } from '@magpie/observability';
import type { Owner } from '../src/index.js';
import { readStore, readTopic, type Filling } from '../src/rebuild-sources.js';

const PAGE = 2;
const KEYS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'];

// Goal: what a view lacks is taken from its source, however much that is, and what it has is not read again.
// Real: nothing but the reading itself; source and view are in memory.
describe('readStore', () => {
  const asked: string[] = [];
  let tellsSums = false;
  beforeEach(() => (tellsSums = false));
  const within = (keys: readonly string[], { fromKey = '', belowKey = '' }) =>
    keys.filter((key) => key >= fromKey && (belowKey === '' || key < belowKey));
  const owner: Owner = {
    async readEvents({ pageToken = '', withoutEvents = false, versionSum = false, ...range }) {
      if (versionSum && tellsSums) {
        asked.push(`sum from ${range.fromKey} below ${range.belowKey}`);
        return { entries: [], nextPageToken: '', total: 0, versionSum: within(KEYS, range).length };
      }
      if (versionSum) return { entries: [], nextPageToken: '', total: 0 };
      const all = within(KEYS, tellsSums ? range : {});
      const from = Number(pageToken);
      asked.push(`${withoutEvents ? 'versions' : 'events'} ${tellsSums ? range.fromKey : ''}${from}`);
      const keys = all.slice(from, from + PAGE);
      const entries = keys.map((key) => ({ key, version: 1, events: withoutEvents ? [] : [named(key)] }));
      const nextPageToken = from + PAGE < all.length ? String(from + PAGE) : '';
      return { entries, nextPageToken, total: from === 0 ? all.length : 0 };
    },
  };
  const named = (key: string) => event.Event.fromPartial({ type: key });
  const readInto = async (had: string[]) => {
    asked.length = 0;
    const view = new Map(had.map((key) => [key, key]));
    const filling: Filling = {
      ...{ source: 'topic', done: 7, total: 7, unreadable: 0, over: new AbortController().signal },
      async take(records) {
        const fresh = records.filter(({ key }) => !view.has(key));
        for (const { key, events } of fresh) view.set(key, events[0]!.type);
        return fresh.length;
      },
      lacks: async (versions) => versions.some(({ key }) => !view.has(key)),
      ranges: async () => [
        { fromKey: '', belowKey: 'd' },
        { fromKey: 'd', belowKey: 'h' },
        { fromKey: 'h', belowKey: '' },
      ],
      versionSum: async (range) => within([...view.keys()], range).length,
    };
    const of = { name: 'a.b', topic: 'auth.account.v1' as const };
    await readStore({ view: of, owner, log: undefined!, logger: silentLogger() }, filling);
    expect([...view].sort()).toEqual(KEYS.map((key) => [key, key]));
    expect(filling).toMatchObject({ source: 'store', done: KEYS.length, total: KEYS.length });
    return asked.filter((one) => one.startsWith('events'));
  };

  it('reads no event of a view that has everything', async () => {
    expect(await readInto(KEYS)).toEqual([]);
    expect(asked).toHaveLength(KEYS.length / PAGE);
  });

  it('reads all events of a view that has nothing, each once', async () => {
    expect(await readInto([])).toEqual(['events 0', 'events 2', 'events 4', 'events 6', 'events 8']);
  });

  it('asks for nothing but sums where the view has everything', async () => {
    tellsSums = true;
    expect(await readInto(KEYS)).toEqual([]);
    expect(asked).toEqual(['sum from  below ']);
  });

  it('looks where sums differ, and nowhere else', async () => {
    tellsSums = true;
    expect(await readInto(KEYS.filter((key) => key !== 'g'))).toEqual(['events d2']);
    expect(asked.filter((one) => one.startsWith('versions'))).toEqual(['versions d0', 'versions d2']);
    expect(asked.filter((one) => one !== 'sum from  below ')).toEqual([
      'sum from  below d',
      'sum from d below h',
      'sum from h below ',
      'versions d0',
      'versions d2',
      'events d2',
    ]);
  });

  it('reads all events, each once, of a view that has nothing, by ranges too', async () => {
    tellsSums = true;
    expect(await readInto([])).toEqual(['events 0', 'events 2', 'events d0', 'events d2', 'events h0', 'events h2']);
  });

  it('goes back to versions when events bring nothing new', async () => {
    expect(await readInto(KEYS.filter((key) => key !== 'b'))).toEqual(['events 0', 'events 2', 'events 4']);
    expect(await readInto(KEYS.filter((key) => key !== 'j'))).toEqual(['events 8']);
  });
});

// Goal: what is read again is counted once. Real: nothing but the reading itself; the log is in memory.
describe('readTopic', () => {
  it('counts the records of a partition once, also when it was gained anew or a batch was tried again', async () => {
    const records = [5, 6, 7, 8].map((offset) => ({ offset }) as LogRecord);
    const log = { hotPartitions: 1, consume } as unknown as EventLog;
    let failures = 1;
    const filling: Filling = {
      ...{ source: 'topic', done: 0, total: 0, unreadable: 0, over: new AbortController().signal },
      take: async () => (failures-- === 1 ? Promise.reject(new Error('tried again')) : 0),
      ...{ lacks: async () => false, ranges: async () => [], versionSum: async () => 0 },
    };
    async function consume({ topics, gain }: ConsumerSpec) {
      const at = { topic: topics[0]!, partition: 0, epoch: 1, checkpoint: undefined, logEnd: 9 };
      const before = await gain(at);
      await expect(before.process(records.slice(0, 2))).rejects.toThrow('tried again');
      await before.process(records.slice(0, 2));
      expect(filling).toMatchObject({ done: 2, total: 4 });
      const anew = await gain(at);
      await before.process(records.slice(2));
      await anew.process(records.slice(0, 3));
      expect(filling).toMatchObject({ done: 3, total: 4 });
      await anew.process(records.slice(3));
      anew.caughtUp!();
      return { stopped: () => [], stop: async () => undefined };
    }
    const view = { name: 'a.b', topic: 'auth.session.v1' as const };
    await readTopic({ view, owner: undefined!, log, logger: silentLogger() }, filling);
    expect(filling).toMatchObject({ done: 4, total: 4 });
  });
});
