import type { Collection } from '@magpie/mongo';
import type { Accounts } from '../clients/accounts.client.js';
import { noSuchPeer } from '../domain/input.js';
import type { Account } from '../domain/profile.js';
import { accountIn, type ProfileDocument } from '../projections/profile.projection.js';

/** Accounts are never taken back, so a yes may come from the view; a no is auth's. */
export class FindAccount {
  constructor(
    private readonly view: Collection<ProfileDocument>,
    private readonly accounts: Accounts,
  ) {}

  /** Throws NO_SUCH_PEER; UNAVAILABLE when a no cannot be confirmed. */
  async execute(userId: string): Promise<Account> {
    const seen = accountIn(await this.view.findOne({ _id: userId }));
    const account = seen ?? (await this.accounts.find(userId));
    if (account === undefined) throw noSuchPeer();
    return account;
  }
}
