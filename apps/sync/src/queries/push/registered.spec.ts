import type { PushCollections } from './stored.js';
import { Registered } from './registered.js';

// Goal: registrations are read once for many messages, and never remembered as they were before a change.

function start() {
  let now = 0;
  const asked: string[][] = [];
  let gate: Promise<void> = Promise.resolve();
  const device = (u: string) => ({
    _id: `${u} d`,
    u,
    d: 'd',
    s: 's',
    t: {},
    h: '',
    l: 'en',
    at: new Date(0),
  });
  const found = (documents: object[]) => ({ toArray: () => gate.then(() => documents) });
  const collections = {
    devices: {
      find: ({ u }: { u: { $in: string[] } }) => {
        asked.push(u.$in);
        return found(u.$in.filter((user) => user.startsWith('r')).map(device));
      },
    },
    settings: { find: () => found([]) },
  } as unknown as PushCollections;
  const registered = new Registered(collections, { clock: () => now, usersMax: 3 });
  return {
    registered,
    asked,
    pass: (ms: number) => (now += ms),
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return resolve;
    },
  };
}

describe('registered', () => {
  it('asks once, for all that it does not know', async () => {
    const { registered, asked } = start();
    const both = await registered.of(['r1', 'n1']);
    expect([both.get('r1')!.devices.length, both.get('n1')!.devices.length]).toEqual([1, 0]);
    await registered.of(['n1', 'r2', 'r1']);
    expect(asked).toEqual([['r1', 'n1'], ['r2']]);
    expect(registered.peek('n1')!.devices).toEqual([]);
  });

  it('forgets after a time, when told to, and the oldest when it knows too many', async () => {
    const { registered, pass } = start();
    await registered.of(['r1']);
    registered.forget('r1');
    expect(registered.peek('r1')).toBeUndefined();
    await registered.of(['r1', 'r2', 'r3', 'r4']);
    expect([registered.peek('r1'), registered.peek('r4')?.devices.length]).toEqual([undefined, 1]);
    pass(10 * 60_000);
    expect(registered.peek('r4')).toBeUndefined();
  });

  it('does not remember what was read before a change', async () => {
    const { registered, hold } = start();
    const go = hold();
    const reading = registered.of(['r1', 'r2']);
    registered.forget('r1');
    go();
    await reading;
    expect([registered.peek('r1'), registered.peek('r2')?.devices.length]).toEqual([undefined, 1]);
  });
});
