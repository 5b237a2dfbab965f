import type { Collection } from '@magpie/mongo';
import { setImmediate as turn } from 'node:timers/promises';
import { Checkpoints, type CheckpointDocument } from './checkpoints.js';

// Goal: what a join asks after its epochs are taken, it asks once, whatever each epoch took. MongoDB is stood in for.
describe('taking epochs', () => {
  it('answers all that were asked for in one turn in one turn, also beside one that fails', async () => {
    const answers = new Map<string, PromiseWithResolvers<object>>();
    const findOneAndUpdate = ({ _id }: { _id: string }): Promise<object> => {
      answers.set(_id, Promise.withResolvers());
      return answers.get(_id)!.promise;
    };
    const checkpoints = new Checkpoints({ findOneAndUpdate } as unknown as Collection<CheckpointDocument>);
    const said: string[] = [];
    const take = (id: string): void => {
      checkpoints.take(id, 'c').then(
        ({ epoch }) => said.push(`${id} ${epoch}`),
        () => said.push(`${id} failed`),
      );
    };
    for (const id of ['a', 'b', 'c']) take(id);
    await turn();
    await turn();
    take('later');
    answers.get('a')!.resolve({ epoch: 2 });
    answers.get('b')!.reject(new Error('away'));
    await turn();
    await turn();
    expect(said).toEqual([]);
    answers.get('c')!.resolve({ epoch: 3 });
    await turn();
    expect(said).toEqual(['a 2', 'b failed', 'c 3']);
    answers.get('later')!.resolve({ epoch: 4 });
    await turn();
    expect(said).toContain('later 4');
  });
});
