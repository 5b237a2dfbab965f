import { connect, type Socket } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';
import type { AppendEntry, Appended, LogRecord } from '../src/index.js';
import { numbered, numberIn, openSetting, until, type Setting } from './setting.js';

const TOPIC = 'messaging.message.v1' as const;

/** Real connections that can be cut, or made to swallow what the broker answers before they break. */
class Cuts {
  readonly #sockets = new Set<Socket>();
  readonly factory = ({ host, port, onConnect }: { host: string; port: number; onConnect: () => void }): Socket => {
    const socket = connect({ host, port }, onConnect);
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    return socket;
  };

  cut(): void {
    for (const socket of this.#sockets) socket.destroy(Object.assign(new Error('cut'), { code: 'ECONNRESET' }));
  }

  async swallow(): Promise<void> {
    for (const socket of this.#sockets) socket.removeAllListeners('data').resume();
    await after(20);
    this.cut();
  }
}

describe('connections that break', () => {
  let setting: Setting;

  beforeAll(async () => {
    setting = await openSetting();
  }, 30_000);

  afterAll(() => setting.close(), 30_000);

  it('lose no acknowledged record, keep the order of each partition, and let a consumer go on', async () => {
    const cuts = new Cuts();
    const log = await setting.open('messaging', { socketFactory: cuts.factory });
    const appender = log.appender({ topics: [TOPIC], lane: 'persistent' });
    const read: LogRecord[] = [];
    await log.consume({
      name: 'messaging.archive',
      topics: [TOPIC],
      onPoison: 'stop',
      gain: async () => ({
        process: async (records) => void read.push(...records),
        state: () => ({}),
        lost: () => undefined,
      }),
    });
    const appended: Promise<Appended & { number: number }>[] = [];
    for (let number = 0; number < 600; number += 1) {
      const entry: AppendEntry = { topic: TOPIC, key: 'k', partition: number % 2, events: [numbered(number)] };
      appended.push(appender.append(entry).then((place) => ({ ...place, number })));
      if (number % 100 === 50) await cuts.swallow();
      if (number % 100 === 99) cuts.cut();
      await after(1);
    }
    const places = await Promise.all(appended);
    const byPlace = () => new Map(read.map((r) => [`${r.partition}/${r.offset}`, numberIn(r.events[0]!)]));
    await until(() => places.every(({ partition, offset }) => byPlace().has(`${partition}/${offset}`)));
    const found = byPlace();
    for (const { partition, offset, number } of places) expect(found.get(`${partition}/${offset}`)).toBe(number);
    for (const partition of [0, 1]) {
      const numbers = read.filter((r) => r.partition === partition).map((r) => numberIn(r.events[0]!));
      const firsts = [...new Set(numbers)];
      expect(firsts).toEqual(firsts.toSorted((a, b) => a - b));
    }
  }, 60_000);
});
