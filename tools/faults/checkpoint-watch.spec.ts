import { CheckpointWatch } from './checkpoint-watch.js';

it('a watch of checkpoints that could not look is a fault, and does not end the row', async () => {
  // Goal: a row passes only when its checkpoints were looked at. Nobody listens at that address.
  const watch = new CheckpointWatch('mongodb://127.0.0.1:1/', ['sync']);
  const told = [expect.stringContaining('checkpoints were not watched: ')];
  expect(await watch.end()).toEqual(told);
  expect(await watch.end()).toEqual(told);
});
