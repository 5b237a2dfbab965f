import type { Logger } from '@magpie/observability';
import type { Badges } from '../../commands/push/badges.js';
import type { CallQueue } from '../../commands/push/call-queue.js';
import { PUSH_LIMITS } from '../../domain/push/limits.js';
import type { Registered } from '../../queries/push/registered.js';

const WRITE_EVERY_MS = 500;

export interface ContactsParts {
  readonly registered: Pick<Registered, 'peek' | 'of' | 'forget'>;
  readonly queue: Pick<CallQueue, 'seen'>;
  readonly badges: Pick<Badges, 'clear'>;
  readonly logger: Logger;
}

interface Contact {
  readonly userId: string;
  readonly deviceId: string;
  readonly key: number;
}

/**
 * Devices that ask for their feed: what they see there calls them no more. Written together, and only for devices that
 * were called.
 */
export class Contacts {
  readonly #waiting = new Map<string, Contact>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;

  constructor(private readonly parts: ContactsParts) {}

  start(): void {
    this.#timer = setInterval(() => void this.flush(), WRITE_EVERY_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#writing;
    await this.flush();
  }

  seen(userId: string, deviceId: string, key: number): void {
    const known = this.parts.registered.peek(userId);
    if (known !== undefined && !known.devices.some((own) => own.deviceId === deviceId && own.badge > 0)) return;
    if (this.#waiting.size >= PUSH_LIMITS.contactsWaitingMax) return;
    this.#waiting.set(`${userId} ${deviceId}`, { userId, deviceId, key });
  }

  flush(): Promise<void> {
    return (this.#writing ??= this.#write().finally(() => (this.#writing = undefined)));
  }

  async #write(): Promise<void> {
    const contacts = [...this.#waiting.values()];
    if (contacts.length === 0) return;
    this.#waiting.clear();
    try {
      const known = await this.parts.registered.of([...new Set(contacts.map(({ userId }) => userId))]);
      const called = contacts.filter(({ userId, deviceId }) =>
        known.get(userId)?.devices.some((device) => device.deviceId === deviceId && device.badge > 0),
      );
      await this.parts.queue.seen(called);
      await this.parts.badges.clear(called);
      for (const { userId } of called) this.parts.registered.forget(userId);
    } catch (err) {
      this.parts.logger.warn({ err }, 'not noted which devices have seen their feed');
    }
  }
}
