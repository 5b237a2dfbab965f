import { wire } from '@magpie/contracts';
import { invalid, requireCount } from '@magpie/domain';
import { isIdOf } from '@magpie/domain/ids';
import type { EventStore } from '@magpie/event-store';
import { friendship, friendshipStream, judge } from '../domain/friendship.js';
import { PAIRS_MAX } from '../domain/limits.js';

export interface Pair {
  readonly from: string;
  readonly to: string;
}

/** Who may write to whom, from the store: what was committed before the question is in the answer. */
export class JudgePairs {
  constructor(private readonly store: EventStore) {}

  /** One verdict for each pair, in their order. Throws INVALID, TOO_LARGE. */
  async execute(pairs: readonly Pair[]): Promise<wire.Code[]> {
    requireCount('pairs', pairs, { min: 1, max: PAIRS_MAX });
    pairs.forEach(({ from, to }, index) => {
      if (!isIdOf('u', from) || !isIdOf('u', to)) throw invalid(`pairs[${index}]`, 'two user ids are expected');
    });
    const states = new Map<string, ReturnType<typeof this.store.load<typeof friendship.initial>>>();
    for (const { from, to } of pairs) {
      const stream = friendshipStream(from, to);
      if (!states.has(stream)) states.set(stream, this.store.load(stream, friendship));
    }
    await Promise.all(states.values());
    return Promise.all(
      pairs.map(async ({ from, to }) => {
        const { state } = await states.get(friendshipStream(from, to))!;
        return wire.Code[judge(state, from, to)];
      }),
    );
  }
}
