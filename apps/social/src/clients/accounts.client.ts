import { EVENTS } from '@magpie/contracts';
import { ownerOf, type Owner } from '@magpie/event-store';
import type { Peers } from '@magpie/grpc';
import type { Account } from '../domain/profile.js';

/** Where accounts come from. */
export interface Accounts {
  /** The account of a user; undefined when there is none. Throws UNAVAILABLE when nobody can tell. */
  find(userId: string): Promise<Account | undefined>;
}

const TOPIC = 'auth.account.v1';
const REGISTERED = 'magpie.auth.v1.AccountRegistered';

/** Accounts as auth's own store has them. */
export class AuthAccounts implements Accounts {
  readonly #owner: Owner;

  constructor(peers: Peers) {
    this.#owner = ownerOf(peers, TOPIC);
  }

  async find(userId: string): Promise<Account | undefined> {
    const { entries } = await this.#owner.readEvents({ topic: TOPIC, key: userId });
    const registered = entries.flatMap(({ events }) => events).find(({ type }) => type === REGISTERED);
    if (registered === undefined) return undefined;
    const { userName, nickname } = EVENTS[REGISTERED].decode(registered.body);
    return { userId, userName, nickname, accountVersion: entries.at(-1)!.version };
  }
}
