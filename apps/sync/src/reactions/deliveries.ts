import { counter, type Logger } from '@magpie/observability';
import type { Receipts } from '../clients/receipts.client.js';
import { LIMITS } from '../domain/limits.js';
import { pairMessageIn } from '../domain/pair-message.js';
import { Unconfirmed, type Mark } from '../domain/unconfirmed.js';

const marksTold = counter({ name: 'magpie_sync_delivered_marks_total', help: 'Delivered positions told to messaging' });
const marksDropped = counter({
  name: 'magpie_sync_delivered_marks_dropped_total',
  help: 'Delivered positions that messaging did not take; a later one of the same conversation makes good for it',
});

/**
 * What devices have confirmed of conversations of two, told to messaging at most once a second. Hints: one that is lost
 * is made good by the next, and by what is read. Only what passes through the memory of this process is known.
 */
export class Deliveries {
  readonly #unconfirmed = new Unconfirmed();
  /** By reader and peer. */
  #marks = new Map<string, Mark>();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly receipts: Receipts,
    private readonly logger: Logger,
  ) {}

  /** A device of the user was given this encoded item, or may have been. */
  handed(userId: string, item: Uint8Array): void {
    const { key, message } = pairMessageIn(item);
    if (message !== undefined) this.#unconfirmed.hand(userId, key, message);
  }

  /** A device of the user holds all up to `key`. */
  confirmed(userId: string, key: number): void {
    for (const mark of this.#unconfirmed.confirm(userId, key)) this.#gather(mark);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#tell();
  }

  #gather(mark: Mark): void {
    const id = `${mark.userId} ${mark.peer}`;
    const before = this.#marks.get(id);
    if (before === undefined && this.#marks.size >= LIMITS.marksMax) return marksDropped.inc();
    if ((before?.position ?? 0) < mark.position) this.#marks.set(id, mark);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#tell();
    }, LIMITS.marksSpacingMs);
  }

  #tell(): void {
    const marks = [...this.#marks.values()];
    this.#marks = new Map();
    for (let from = 0; from < marks.length; from += LIMITS.marksPerRequestMax) {
      const some = marks.slice(from, from + LIMITS.marksPerRequestMax);
      this.receipts.markDelivered(some).then(
        () => marksTold.inc(some.length),
        (err: unknown) => {
          marksDropped.inc(some.length);
          this.logger.debug({ err, marks: some.length }, 'delivered positions not taken');
        },
      );
    }
  }
}
