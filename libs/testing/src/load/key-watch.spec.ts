import type { Witness } from '../device/index.js';
import { KeyWatch } from './key-watch.js';

// Goal: a watch that broke is told of by its end, and ends no process before. Real: nothing but the watch.
it('a watch of feeds rejects at its end when one could not be watched', async () => {
  const post = async (): Promise<never> => {
    throw new TypeError('not an answer');
  };
  const device = { deviceId: 'a1', heldKey: 0, syncKey: { stamp: '', entries: [] }, post } as unknown as Witness;
  const keys = new KeyWatch([{ userId: 'ann', devices: [device] }]);
  // Nobody looks at the watch when it breaks.
  await new Promise(setImmediate);
  await expect(keys.end()).rejects.toThrow('not an answer');
});
