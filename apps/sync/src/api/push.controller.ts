import { sync } from '@magpie/contracts';
import type { Handlers } from '@magpie/grpc';
import type { EditPushSettings } from '../commands/push/edit-push-settings.js';
import type { Registrations } from '../commands/push/registrations.js';
import type { ProviderName } from '../domain/push/registration.js';
import type { PushSettings } from '../domain/push/settings.js';
import type { Feeds } from '../projections/feeds.js';
import type { GetPushSettings } from '../queries/push/get-push-settings.js';

export interface PushOperations {
  readonly registrations: Registrations;
  readonly editSettings: EditPushSettings;
  readonly getSettings: GetPushSettings;
  /** Ms since 1970. */
  readonly now: () => number;
}

/** Commands of a user's registrations reach the owner of the user's feed, or UNAVAILABLE. */
export function pushHandlers(
  operations: PushOperations,
  feeds: Pick<Feeds, 'of'>,
): Handlers<sync.PushServiceDefinition> {
  const { registrations, editSettings, getSettings, now } = operations;
  /** An owner that was replaced meanwhile has told nobody who needs to know. */
  const asOwner = async <T>(userId: string, work: () => Promise<T>): Promise<T> => {
    feeds.of(userId);
    const result = await work();
    feeds.of(userId);
    return result;
  };
  return {
    registerPush: async ({ provider, ...request }, caller) => {
      const given = { ...request, provider: providerNamed(provider) };
      await asOwner(caller.userId, () => registrations.register(caller, given, now()));
      return {};
    },
    unregisterPush: async ({ commandId }, caller) => {
      await asOwner(caller.userId, () => registrations.unregister(caller, commandId));
      return {};
    },
    editPushSettings: async ({ commandId, ...edit }, { userId }) => ({
      settings: settingsOf(await asOwner(userId, () => editSettings.execute(userId, edit, commandId))),
    }),
    getPushSettings: async (_, { userId, deviceId }) => {
      const { settings, providers, ...rest } = await getSettings.execute(userId, deviceId);
      return { ...rest, settings: settingsOf(settings), providers: providers.map((name) => sync.PushProvider[name]) };
    },
  };
}

function providerNamed(provider: sync.PushProvider): ProviderName | undefined {
  const { APNS, FCM, WEB_PUSH } = sync.PushProvider;
  return provider === APNS ? 'APNS' : provider === FCM ? 'FCM' : provider === WEB_PUSH ? 'WEB_PUSH' : undefined;
}

function settingsOf({ quietHours, ...settings }: PushSettings): sync.PushSettings {
  return { ...settings, quietHours: quietHours ?? undefined };
}
