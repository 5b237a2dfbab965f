import { messaging, wire } from '@magpie/contracts';
import { DomainError } from '@magpie/domain';
import type { Witness } from '../device/index.js';
import { Lane, peerOf } from './lane.js';
import type { LoadUser, Trial } from './trial.js';

const ANN: LoadUser = { userId: 'ann', devices: [] };
const BOB: LoadUser = { userId: 'bob', devices: [] };

/** What becomes of one message whose attempts end with these codes, one after another; undefined = no answer. */
async function outcomeAfter(codes: readonly (wire.Code | undefined)[]): Promise<string> {
  const left = [...codes];
  const call = (): Promise<Uint8Array> => {
    const code = left.shift();
    if (code === undefined) return Promise.reject(new DomainError('unavailable', 'UNAVAILABLE', 'the link was lost'));
    return Promise.resolve(
      messaging.SendMessagesResponse.encode(
        messaging.SendMessagesResponse.fromPartial({ results: [{ code }] }),
      ).finish(),
    );
  };
  return new Promise((resolve) => {
    const trial = { sending: () => undefined, answered: (_: string, outcome: string) => resolve(outcome) };
    const device = { call } as unknown as Witness;
    new Lane(ANN, device, peerOf(BOB)).write(trial as unknown as Trial, 'c1', 'hello');
  });
}

// Goal: a refusal counts as definite only if nothing before it may have got through (machinery.md §3.4).
describe('what a sender makes of its answers', () => {
  it.each<[string, (wire.Code | undefined)[], string]>([
    ['a refusal at once', [wire.Code.BLOCKED], 'refused'],
    [
      'a refusal after a full queue, before which nothing was begun',
      [wire.Code.OVERLOADED, wire.Code.BLOCKED],
      'refused',
    ],
    ['a refusal after no answer', [undefined, wire.Code.BLOCKED], 'unknown'],
    ['a refusal after an attempt of unknown end', [wire.Code.UNAVAILABLE, wire.Code.BLOCKED], 'unknown'],
    ['a refusal after an error of the server', [wire.Code.INTERNAL, wire.Code.BLOCKED], 'unknown'],
    ['OK after no answer', [undefined, wire.Code.OK], 'ok'],
  ])('%s', async (_, codes, outcome) => {
    expect(await outcomeAfter(codes)).toBe(outcome);
  });
});
