import { randomBytes } from 'node:crypto';
import { hash, verify } from '@node-rs/argon2';
import { exhausted } from '@magpie/domain';
import { histogram } from '@magpie/observability';
import type { Component } from '@magpie/service';

/** argon2id as OWASP recommends it (Password Storage Cheat Sheet): 19 MiB, two passes, one lane. About 8 ms. */
const ARGON2ID = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
const RETRY_AFTER_MS = 1_000;

/** Hashes and checks passwords, few at a time; more wait in a bounded queue. */
export class Passwords implements Component {
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #decoy = '';
  readonly #seconds = histogram({
    name: 'magpie_auth_password_seconds',
    help: 'Time to hash or check a password, with waiting',
  });

  constructor(private readonly limits: { readonly concurrency: number; readonly queueMax: number }) {}

  /** Makes the hash that is checked when there is no account. */
  async start(): Promise<void> {
    this.#decoy = await this.hash(randomBytes(16).toString('hex'));
  }

  /** PHC string. Throws OVERLOADED when the queue is full. */
  hash(password: string): Promise<string> {
    return this.#inTurn(() => hash(password, ARGON2ID));
  }

  /** Takes as long for an account that does not exist (`known` undefined), and says no. Throws OVERLOADED. */
  async verify(known: string | undefined, password: string): Promise<boolean> {
    const same = await this.#inTurn(() => verify(known ?? this.#decoy, password));
    return same && known !== undefined;
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const stop = this.#seconds.startTimer();
    await this.#enter();
    try {
      return await work();
    } finally {
      this.#leave();
      stop();
    }
  }

  async #enter(): Promise<void> {
    if (this.#running < this.limits.concurrency) {
      this.#running++;
      return;
    }
    if (this.#waiting.length >= this.limits.queueMax) throw exhausted('the queue of log-ins', RETRY_AFTER_MS);
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Hands the place to the next in line, or frees it. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#running--;
  }
}
