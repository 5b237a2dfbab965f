import type { messaging } from '@magpie/contracts';
import type { Clock } from './ports.js';

/** Between two that are sent to the same conversation. */
const SEND_PAUSE_MS = 3_000;
/** Who was not heard of again has stopped. */
const SHOWN_MS = 6_000;

interface TypingOptions {
  readonly clock: Clock;
  /** Whether there is a long link: nobody is told otherwise. */
  online(): boolean;
  send(peer: string, typing: boolean): Promise<unknown>;
  typing(typing: messaging.Typing): void;
}

/** Who writes at this moment: told to others now and then, and what is heard of others with an end to it. Nothing of it is kept. */
export class TypingWatch {
  readonly #sentAt = new Map<string, number>();
  /** By conversation and user: takes the end back. */
  readonly #shown = new Map<string, () => void>();

  constructor(private readonly options: TypingOptions) {}

  /** A key was struck, or what was written is gone. */
  tell(peer: string, typing: boolean): void {
    const sentAt = this.#sentAt.get(peer);
    const isDue = typing
      ? sentAt === undefined || this.options.clock.now() - sentAt >= SEND_PAUSE_MS
      : sentAt !== undefined;
    if (!isDue || !this.options.online()) return;
    if (typing) this.#sentAt.set(peer, this.options.clock.now());
    else this.#sentAt.delete(peer);
    this.options.send(peer, typing).catch(() => undefined);
  }

  hear(typing: messaging.Typing): void {
    const { peer, userId } = typing;
    if (!typing.typing) return this.ended(peer, userId);
    const key = `${peer} ${userId}`;
    const known = this.#shown.get(key);
    known?.();
    this.#shown.set(
      key,
      this.options.clock.after(SHOWN_MS, () => this.ended(peer, userId)),
    );
    if (known === undefined) this.options.typing(typing);
  }

  /** Somebody has stopped, or what they wrote is here. */
  ended(peer: string, userId: string): void {
    const key = `${peer} ${userId}`;
    const cancelTimer = this.#shown.get(key);
    if (cancelTimer === undefined) return;
    cancelTimer();
    this.#shown.delete(key);
    this.options.typing({ peer, userId, typing: false });
  }

  stop(): void {
    for (const cancelTimer of this.#shown.values()) cancelTimer();
    this.#shown.clear();
  }
}
