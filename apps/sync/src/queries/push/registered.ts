import { PUSH_LIMITS } from '../../domain/push/limits.js';
import type { Registration } from '../../domain/push/registration.js';
import { DEFAULT_SETTINGS, type PushSettings } from '../../domain/push/settings.js';
import { registrationOf, type PushCollections } from './stored.js';

/** How one user wants to be called. */
export interface Callable {
  readonly devices: readonly Registration[];
  readonly settings: PushSettings;
}

interface Known extends Callable {
  readonly until: number;
}

export interface RegisteredOptions {
  /** Ms, never going back. */
  readonly clock?: () => number;
  readonly usersMax?: number;
}

/**
 * Who is registered, as this instance remembers it. Registrations of a user are changed by the instance that owns the
 * user's feed, which forgets what it knew; one that others remove is met again when its push is made.
 */
export class Registered {
  readonly #known = new Map<string, Known>();
  readonly #clock: () => number;
  readonly #usersMax: number;
  /** Readings under way: one whose user was forgotten meanwhile is not to be remembered. */
  readonly #reading = new Map<string, symbol>();

  constructor(
    private readonly collections: Pick<PushCollections, 'devices' | 'settings'>,
    { clock = () => performance.now(), usersMax = PUSH_LIMITS.knownUsersMax }: RegisteredOptions = {},
  ) {
    this.#clock = clock;
    this.#usersMax = usersMax;
  }

  /** What is remembered; undefined = nothing. */
  peek(userId: string): Callable | undefined {
    const known = this.#known.get(userId);
    if (known !== undefined && known.until > this.#clock()) return known;
    this.#known.delete(userId);
    return undefined;
  }

  /** Every one of `userIds`, with one question about those that are not remembered. */
  async of(userIds: readonly string[]): Promise<ReadonlyMap<string, Callable>> {
    const found = new Map<string, Callable>();
    const missing: string[] = [];
    for (const userId of userIds) {
      const known = this.peek(userId);
      if (known === undefined) missing.push(userId);
      else found.set(userId, known);
    }
    if (missing.length === 0) return found;
    const reading = Symbol('reading');
    for (const userId of missing) this.#reading.set(userId, reading);
    try {
      for (const [userId, callable] of await this.#read(missing)) {
        found.set(userId, callable);
        if (this.#reading.get(userId) === reading) this.#remember(userId, callable);
      }
    } finally {
      for (const userId of missing) if (this.#reading.get(userId) === reading) this.#reading.delete(userId);
    }
    return found;
  }

  forget(userId: string): void {
    this.#reading.delete(userId);
    this.#known.delete(userId);
  }

  forgetAll(): void {
    this.#reading.clear();
    this.#known.clear();
  }

  async #read(userIds: string[]): Promise<Map<string, Callable>> {
    const [devices, settings] = await Promise.all([
      this.collections.devices.find({ u: { $in: userIds } }).toArray(),
      this.collections.settings.find({ _id: { $in: userIds } }).toArray(),
    ]);
    const settingsOf = new Map(settings.map((one) => [one._id, one.settings]));
    const devicesOf = new Map<string, Registration[]>(userIds.map((userId) => [userId, []]));
    for (const device of devices) devicesOf.get(device.u)?.push(registrationOf(device));
    return new Map(
      [...devicesOf].map(([userId, own]) => [
        userId,
        { devices: own, settings: settingsOf.get(userId) ?? DEFAULT_SETTINGS },
      ]),
    );
  }

  #remember(userId: string, callable: Callable): void {
    this.#known.delete(userId);
    this.#known.set(userId, { ...callable, until: this.#clock() + PUSH_LIMITS.knownMs });
    if (this.#known.size <= this.#usersMax) return;
    const [oldest] = this.#known.keys();
    this.#known.delete(oldest!);
  }
}
