import type { ProviderName } from '../../domain/push/registration.js';
import { DEFAULT_SETTINGS, type PushSettings } from '../../domain/push/settings.js';
import { deviceIdOf, type PushCollections } from './stored.js';

/** What a device needs to know before it registers. */
export interface PushOffer {
  readonly settings: PushSettings;
  readonly providers: readonly ProviderName[];
  readonly vapidPublicKey: string;
  readonly registered: boolean;
}

export class GetPushSettings {
  constructor(
    private readonly collections: Pick<PushCollections, 'devices' | 'settings'>,
    private readonly offer: Pick<PushOffer, 'providers' | 'vapidPublicKey'>,
  ) {}

  async execute(userId: string, deviceId: string): Promise<PushOffer> {
    const [setting, device] = await Promise.all([
      this.collections.settings.findOne({ _id: userId }),
      this.collections.devices.findOne({ _id: deviceIdOf(userId, deviceId) }, { projection: { _id: 1 } }),
    ]);
    return { ...this.offer, settings: setting?.settings ?? DEFAULT_SETTINGS, registered: device !== null };
  }
}
