import { commandIdOf } from '@magpie/domain/ids';
import type { EventStore } from '@magpie/event-store';
import { friendship, friendshipStream, type ContactChanges, type FriendshipEvent } from '../domain/friendship.js';
import { requireCommandId, requireContactChanges, requireOther, requireSameCommand } from '../domain/input.js';
import type { FindAccount } from '../queries/find-account.js';
import type { UserCommand } from './user-command.js';

export interface ChangeContactRequest extends UserCommand {
  readonly userId: string;
}

/** What a user does to their own side of a pair: the other one is told nothing. */
export class ChangeContact {
  constructor(
    private readonly store: EventStore,
    private readonly accounts: FindAccount,
  ) {}

  /** Delete, Block or Unblock; done before is fine. Throws INVALID, NO_SUCH_PEER, UNAVAILABLE. */
  async execute(type: 'Delete' | 'Block' | 'Unblock', request: ChangeContactRequest, now: number): Promise<void> {
    await this.#execute({ type }, request, now);
  }

  /** Throws INVALID, TOO_LARGE, NO_SUCH_PEER, NOT_FRIENDS (not on the caller's list), IDEMPOTENCY_MISMATCH, UNAVAILABLE. */
  async edit(request: ChangeContactRequest & Partial<ContactChanges>, now: number): Promise<void> {
    const changes = requireContactChanges(request);
    const { commit, repeated } = await this.#execute({ type: 'Edit', ...changes }, request, now);
    const [edited] = commit.events as readonly FriendshipEvent[];
    if (repeated && edited?.type === 'ContactEdited') requireSameCommand(edited.data.sides[0]!, changes);
  }

  async #execute(
    change: { readonly type: 'Delete' | 'Block' | 'Unblock' } | ({ readonly type: 'Edit' } & ContactChanges),
    request: ChangeContactRequest,
    now: number,
  ) {
    const { by } = request;
    const other = requireOther(request.userId, by);
    const given = requireCommandId(request.commandId);
    await this.accounts.execute(other);
    return this.store.execute({
      stream: friendshipStream(by, other),
      commandId: commandIdOf(change.type, by, given),
      now,
      fold: friendship,
      decide: (state) => friendship.decide(state, { ...change, by, now }),
    });
  }
}
