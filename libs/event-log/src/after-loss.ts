import type { PartitionWork } from './consumer-spec.js';

/**
 * Wraps the work on a partition whose log was lost or shortened: what is still of the generation that was left, or one
 * before, is either known or was never acknowledged (its lane met the loss and sent it again in the new generation), so it
 * is passed over.
 */
export function afterLoss(work: PartitionWork, generation: number): PartitionWork {
  /** Calls that the work saw, where what was passed over makes their end another one. */
  const ends: { seen: number; taken: number }[] = [];
  const wrapped: PartitionWork = {
    async process(records) {
      const fresh = records.filter((record) => record.generation > generation);
      const last = fresh.at(-1);
      if (!last) return;
      await work.process(fresh);
      if (work.durable) ends.push({ seen: last.offset, taken: records.at(-1)!.offset });
    },
    state: () => work.state(),
    lost: () => work.lost(),
  };
  if (work.remember) wrapped.remember = (records) => work.remember!(records);
  if (work.settled) wrapped.settled = () => work.settled!();
  if (work.caughtUp) wrapped.caughtUp = () => work.caughtUp!();
  if (work.durable) {
    wrapped.durable = () => {
      const durable = work.durable!();
      if (!durable) return undefined;
      while (ends[0] && ends[0].seen < durable.offset) ends.shift();
      // Durable already, while the call that brought it is not over: its end is not known yet.
      return ends[0] && { ...durable, offset: ends[0].taken };
    };
  }
  return wrapped;
}
