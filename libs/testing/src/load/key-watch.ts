import type { sync } from '@magpie/contracts';
import { DomainError } from '@magpie/domain';
import { pageAfter } from './read-again.js';
import type { LoadUser } from './trial.js';

const EVERY_MS = 500;
/** While nobody serves the feed: who serves it next is asked as soon as it does. */
const AGAIN_MS = 100;
/** Keys to ask from are at least that old, so that something has come since. */
const KEY_AGE_MS = 1_000;

/**
 * Asks for what came lately, as devices with an older key do: no answer may end before what the user's devices had been
 * given when it was asked. A device with the newest key would take a feed that fell behind for one with nothing new.
 */
export class KeyWatch {
  private readonly fell = new Set<string>();
  private readonly watching: Promise<readonly PromiseSettledResult<void>[]>;
  private ended = false;

  constructor(users: readonly LoadUser[]) {
    this.watching = Promise.allSettled(users.map((user) => this.watch(user)));
  }

  /** Ends the watch; answers whose feed fell behind. Rejects when somebody's could not be watched. */
  async end(): Promise<ReadonlySet<string>> {
    this.ended = true;
    for (const each of await this.watching) if (each.status === 'rejected') throw each.reason;
    return this.fell;
  }

  private async watch(user: LoadUser): Promise<void> {
    const device = user.devices[0]!;
    const keys: { key: sync.SyncKey; at: number }[] = [];
    while (!this.ended) {
      if (device.syncKey !== undefined) keys.push({ key: device.syncKey, at: performance.now() });
      while (keys.length > 1 && keys[1]!.at < performance.now() - KEY_AGE_MS) keys.shift();
      const answered = keys[0] === undefined || (await this.ask(user, keys[0].key));
      await new Promise((resolve) => setTimeout(resolve, answered ? EVERY_MS : AGAIN_MS));
    }
  }

  /** Answers whether there was an answer. */
  private async ask({ userId, devices }: LoadUser, key: sync.SyncKey): Promise<boolean> {
    const given = Math.max(...devices.map(({ heldKey }) => heldKey));
    try {
      // Over its link, the server would take the device to have got what only this has.
      const page = await pageAfter((command, body) => devices[0]!.post(command, body), key);
      const reached = page.syncKey?.entries[0]?.number ?? 0;
      if (!page.hasMore && reached < given) this.fell.add(userId);
      return true;
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      return false;
    }
  }
}
