import { auth } from '@magpie/contracts';
import type { Peers } from '@magpie/grpc';

/** Which users exist: accounts are never taken back, so a yes is remembered; a no is always asked anew. */
export interface Accounts {
  /** Those of `userIds` that have an account. Throws UNAVAILABLE when a no cannot be confirmed. */
  existing(userIds: readonly string[], requestId: string): Promise<ReadonlySet<string>>;
}

/** How many users are remembered; the oldest go first. */
const REMEMBERED_MAX = 200_000;
/** Of one request to auth (its own bound is 1 000). */
const ASK_MAX = 1000;
const ASK_TIMEOUT_MS = 2000;

export class AuthAccounts implements Accounts {
  private readonly known = new Set<string>();
  private readonly client;

  constructor(peers: Peers) {
    this.client = peers.client('auth', auth.AuthServiceDefinition);
  }

  async existing(userIds: readonly string[], requestId: string): Promise<ReadonlySet<string>> {
    const asked = userIds.filter((id) => !this.known.has(id));
    const found = new Set(userIds.filter((id) => this.known.has(id)));
    for (let from = 0; from < asked.length; from += ASK_MAX) {
      const request = { userIds: asked.slice(from, from + ASK_MAX) };
      const answer = await this.client.findAccounts(request, { timeoutMs: ASK_TIMEOUT_MS, requestId });
      for (const id of answer.existing) {
        found.add(id);
        this.remember(id);
      }
    }
    return found;
  }

  private remember(userId: string): void {
    if (this.known.size >= REMEMBERED_MAX) this.known.delete(this.known.values().next().value!);
    this.known.add(userId);
  }
}
