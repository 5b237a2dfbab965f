import {
  DEFAULT_SETTINGS,
  edited,
  requireEdit,
  type PushSettings,
  type SettingsEdit,
} from '../../domain/push/settings.js';
import { PUSH_LIMITS } from '../../domain/push/limits.js';
import { isDuplicateKey, type Collection } from '@magpie/mongo';
import type { Registered } from '../../queries/push/registered.js';
import type { SettingDocument } from '../../queries/push/stored.js';
import { requireCommandId } from './registrations.js';

/** Changes how a user is called. */
export class EditPushSettings {
  constructor(
    private readonly settings: Collection<SettingDocument>,
    private readonly registered: Pick<Registered, 'forget'>,
  ) {}

  /** The settings as they stand; an edit whose command is known changes nothing more. Throws INVALID. */
  async execute(userId: string, given: SettingsEdit, commandId: string): Promise<PushSettings> {
    const edit = requireEdit(given);
    requireCommandId(commandId);
    for (;;) {
      const settings = await this.#tryOnce(userId, edit, commandId);
      if (settings === undefined) continue;
      this.registered.forget(userId);
      return settings;
    }
  }

  /** undefined: another edit came between. */
  async #tryOnce(userId: string, edit: SettingsEdit, commandId: string): Promise<PushSettings | undefined> {
    const before = await this.settings.findOne({ _id: userId });
    if (before?.edits.includes(commandId)) return before.settings;
    const settings = edited(before?.settings ?? DEFAULT_SETTINGS, edit);
    const edits = [...(before?.edits ?? []), commandId].slice(-PUSH_LIMITS.editsKnownMax);
    if (before !== null) {
      const { matchedCount } = await this.settings.updateOne(
        { _id: userId, edits: before.edits },
        { $set: { settings, edits } },
      );
      return matchedCount === 1 ? settings : undefined;
    }
    try {
      await this.settings.insertOne({ _id: userId, settings, edits });
      return settings;
    } catch (error) {
      if (isDuplicateKey(error)) return undefined;
      throw error;
    }
  }
}
