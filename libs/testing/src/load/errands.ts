import { DomainError } from '@magpie/domain';

const RETRY_MS = 300;
/** What may pass; every other refusal is wrong. */
const PASSING: ReadonlySet<string> = new Set(['UNAVAILABLE', 'OVERLOADED', 'LIMITED', 'INTERNAL', 'CONFLICT']);

/** Commands that have to succeed: each is tried again, as the same command, until it is answered for good. */
export class Errands {
  /** What was answered that should not have been. */
  readonly wrong: string[] = [];
  /** Commands without an answer in the end. */
  unresolved = 0;
  private gaveUp = false;

  /** The answer; undefined = refused, or none until nobody waited any more. `what`: the command, for people. */
  async run<T>(what: string, attempt: () => Promise<T>): Promise<T | undefined> {
    while (!this.gaveUp) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        if (!PASSING.has(error.code)) {
          this.wrong.push(`${what}: ${error.code} ${error.message}`);
          return undefined;
        }
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    this.unresolved++;
    return undefined;
  }

  /** Waits for what is made of these commands; whatever is not answered by then is given up. */
  async settle<T>(underWay: Promise<T>, withinMs: number): Promise<T> {
    const timer = setTimeout(() => (this.gaveUp = true), withinMs);
    try {
      return await underWay;
    } finally {
      clearTimeout(timer);
    }
  }
}
