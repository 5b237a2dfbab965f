import {
  foldCommits,
  type Commit,
  type EventStore,
  type ExecuteManyOptions,
  type ExecuteOptions,
  type Fold,
} from '@magpie/event-store';

/** The promises of an event store that commands rely on, without a database: one command at a time, no conflicts. */
export class MemoryStore {
  readonly commits: Commit[] = [];

  /** For what asks for the real one. */
  get asStore(): EventStore {
    return this as unknown as EventStore;
  }

  load<S>(stream: string, fold: Fold<S>) {
    return Promise.resolve(foldCommits(fold, this.#of(stream)));
  }

  async execute<S>({ stream, fold, decide, commandId, now }: ExecuteOptions<S>) {
    const one = { stream, fold, decide } as ExecuteManyOptions['streams'][number];
    const { commits, repeated } = await this.executeMany({ commandId, now, streams: [one] });
    return { commit: commits[0]!, state: foldCommits(fold, this.#of(stream)).state, repeated };
  }

  executeMany({ streams, commandId, now }: ExecuteManyOptions): Promise<{ commits: Commit[]; repeated: boolean }> {
    const names = streams.map(({ stream }) => stream);
    const known = this.commits.filter((commit) => commit.commandId === commandId && names.includes(commit.stream));
    if (known.length > 0) return Promise.resolve({ commits: known, repeated: true });
    const commits = streams.map(({ stream, fold, decide }) => {
      const { state, number, at } = foldCommits(fold, this.#of(stream));
      return { stream, number: number + 1, commandId, events: decide(state), at: Math.max(now, at + 1) };
    });
    this.commits.push(...commits);
    return Promise.resolve({ commits, repeated: false });
  }

  #of(stream: string): Commit[] {
    return this.commits.filter((commit) => commit.stream === stream);
  }
}
