import type { Logger } from '@magpie/observability';
import type { CallQueue } from '../../commands/push/call-queue.js';
import { PUSH_LIMITS } from '../../domain/push/limits.js';
import type { Registered } from '../../queries/push/registered.js';

const WRITE_EVERY_MS = 500;

export interface ContactsParts {
  readonly registered: Pick<Registered, 'peek' | 'of'>;
  readonly queue: Pick<CallQueue, 'seen'>;
  readonly logger: Logger;
}

interface Contact {
  readonly userId: string;
  readonly deviceId: string;
  readonly key: number;
}

/**
 * Devices that ask for their feed: what they see there calls them no more. Written together, and only for devices that
 * are registered and may have been called.
 */
export class Contacts {
  readonly #waiting = new Map<string, Contact>();
  /** Devices that have seen all that they were called for. */
  readonly #clean = new Set<string>();
  /** Feed key of the last entry that other devices were called for. */
  readonly #called = new Map<string, number>();
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
    const name = nameOf(userId, deviceId);
    if (this.#clean.has(name) || this.#waiting.size >= PUSH_LIMITS.contactsWaitingMax) return;
    const known = this.parts.registered.peek(userId);
    if (known !== undefined && !known.devices.some((own) => own.deviceId === deviceId)) return;
    this.#waiting.set(name, { userId, deviceId, key });
  }

  called(userId: string, deviceId: string, key: number): void {
    const name = nameOf(userId, deviceId);
    this.#clean.delete(name);
    if (this.#called.size >= PUSH_LIMITS.knownUsersMax) this.#called.clear();
    this.#called.set(name, key);
  }

  /** Others may call these devices from now on. */
  forgetAll(): void {
    this.#clean.clear();
    this.#called.clear();
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
      const registered = contacts.filter(({ userId, deviceId }) =>
        known.get(userId)?.devices.some((own) => own.deviceId === deviceId),
      );
      await this.parts.queue.seen(registered);
      for (const contact of registered) this.#clear(contact);
    } catch (err) {
      this.parts.logger.warn({ err }, 'not noted which devices have seen their feed');
    }
  }

  #clear({ userId, deviceId, key }: Contact): void {
    const name = nameOf(userId, deviceId);
    if ((this.#called.get(name) ?? 0) > key) return;
    this.#called.delete(name);
    if (this.#clean.size >= PUSH_LIMITS.knownUsersMax) this.#clean.clear();
    this.#clean.add(name);
  }
}

function nameOf(userId: string, deviceId: string): string {
  return `${userId} ${deviceId}`;
}
