import type { social } from '@magpie/contracts';
import { commandIdOf } from '@magpie/domain/ids';
import type { EventStore } from '@magpie/event-store';
import { requireCommandId, requirePrivacyChanges, requireSameCommand } from '../domain/input.js';
import { privacy, privacyStream, type PrivacyChanged, type PrivacyChanges } from '../domain/privacy.js';
import { toPublicPrivacy } from '../publish.js';
import type { UserCommand } from './user-command.js';

export type EditPrivacyRequest = UserCommand & { readonly [K in keyof PrivacyChanges]?: PrivacyChanges[K] };

/** Changes how the caller is found and asked. */
export class EditPrivacy {
  constructor(private readonly store: EventStore) {}

  /** The setting as the command leaves it. Throws INVALID, IDEMPOTENCY_MISMATCH, UNAVAILABLE. */
  async execute(request: EditPrivacyRequest, now: number): Promise<social.PrivacySetting> {
    const { by } = request;
    const changes = requirePrivacyChanges(request);
    const given = requireCommandId(request.commandId);
    const { commit, state, repeated } = await this.store.execute({
      stream: privacyStream(by),
      commandId: commandIdOf('edit-privacy', by, given),
      now,
      fold: privacy,
      decide: (before) => privacy.decide(before, { userId: by, changes, now }),
    });
    const [changed] = commit.events as readonly PrivacyChanged[];
    if (repeated && changed) requireSameCommand(changed.data, changes);
    return toPublicPrivacy(changed?.data ?? state, commit.number);
  }
}
