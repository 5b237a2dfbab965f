import type { social } from '@magpie/contracts';
import { commandIdOf } from '@magpie/domain/ids';
import type { EventStore } from '@magpie/event-store';
import { requireCommandId, requireProfileChanges, requireSameCommand } from '../domain/input.js';
import { profile, profileOf, profileStream, type ProfileChanged, type ProfileChanges } from '../domain/profile.js';
import { toPublicProfile } from '../publish.js';
import type { FindAccount } from '../queries/find-account.js';
import type { UserCommand } from './user-command.js';

export type UpdateProfileRequest = UserCommand & { readonly [K in keyof ProfileChanges]?: ProfileChanges[K] };

/** Changes how the caller is seen. */
export class UpdateProfile {
  constructor(
    private readonly store: EventStore,
    private readonly accounts: FindAccount,
  ) {}

  /** The profile as the command leaves it. Throws INVALID, IDEMPOTENCY_MISMATCH, UNAVAILABLE. */
  async execute(request: UpdateProfileRequest, now: number): Promise<social.Profile> {
    const { by } = request;
    const changes = requireProfileChanges(request);
    const given = requireCommandId(request.commandId);
    const account = await this.accounts.execute(by);
    const { commit, state, repeated } = await this.store.execute({
      stream: profileStream(by),
      commandId: commandIdOf('update-profile', by, given),
      now,
      fold: profile,
      decide: (before) => profile.decide(before, { account, changes, now }),
    });
    const [changed] = commit.events as readonly ProfileChanged[];
    if (repeated && changed) requireSameCommand(changed.data, changes);
    return toPublicProfile(changed?.data ?? profileOf(state, account), commit.number);
  }
}
