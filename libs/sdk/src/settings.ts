import { messaging } from '@magpie/contracts';
import type { Changes, Kept } from './journal.js';

/** Up to where a conversation was cleared counts by itself: a device may know of it before it has the setting that says so. */
interface KeptSetting {
  readonly setting: unknown;
  readonly cleared: number;
}

export interface ConversationSettings {
  readonly setting: messaging.ConversationSetting;
  /** Messages up to this position are deleted for this user. */
  readonly cleared: number;
}

const PREFIX = 'setting/';

/** How this user has set up a conversation. */
export async function settingOf(kept: Kept, peer: string): Promise<ConversationSettings> {
  const found = await kept.get<KeptSetting>(PREFIX + peer);
  if (found === undefined) return { setting: messaging.ConversationSetting.fromPartial({ peer }), cleared: 0 };
  return { setting: messaging.ConversationSetting.fromJSON(found.setting), cleared: found.cleared };
}

/** Takes a setting unless a newer one is known. Answers what stands now; undefined when nothing changed. */
export async function stageSetting(
  changes: Changes,
  setting: messaging.ConversationSetting,
): Promise<{ was: ConversationSettings; is: ConversationSettings } | undefined> {
  const was = await settingOf(changes, setting.peer);
  const newer = setting.version > was.setting.version;
  const cleared = Math.max(was.cleared, setting.clearedPosition);
  if (!newer && cleared === was.cleared) return undefined;
  const is = { setting: newer ? setting : was.setting, cleared };
  changes.put(PREFIX + setting.peer, {
    setting: messaging.ConversationSetting.toJSON(is.setting),
    cleared,
  } satisfies KeptSetting);
  return { was, is };
}

/** The conversations that this user has set up. */
export async function peersWithSettings(kept: Kept): Promise<string[]> {
  const found = await kept.list<KeptSetting>({ prefix: PREFIX });
  return found.map(([key]) => key.slice(PREFIX.length));
}
