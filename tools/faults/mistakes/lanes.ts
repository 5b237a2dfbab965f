import type { Mistake } from './mistake.js';

const SEED = 7;
const LANE = 'libs/event-log/src/lane.ts';

/** Mistakes in the way into a topic. */
export const LANE_MISTAKES: readonly Mistake[] = [
  {
    name: 'two sends in flight on one lane',
    seed: SEED,
    edits: [
      {
        file: LANE,
        find: `#running = false;
  #closed`,
        replace: `#running = 0;
  #closed`,
      },
      {
        file: LANE,
        find: 'if (!this.#running) void this.#run();',
        replace: 'if (this.#running < 2) void this.#run();',
      },
      {
        file: LANE,
        find: 'this.#running = true;',
        replace: 'this.#running += 1;',
      },
      {
        file: LANE,
        find: `} finally {
      this.#running = false;`,
        replace: `} finally {
      this.#running -= 1;`,
      },
      {
        file: LANE,
        find: `this.#inFlight = this.#take();
        this.#lastCount = this.#inFlight.length;
        await this.#sendUntilDone();`,
        replace: `const batch = this.#take();
        this.#inFlight.push(...batch);
        this.#lastCount = batch.length;
        await this.#sendUntilDone(batch);`,
      },
      {
        file: LANE,
        find: `async #sendUntilDone(): Promise<void> {
    for (let attempt = 1; this.#inFlight.length > 0`,
        replace: `async #sendUntilDone(batch: Waiting[]): Promise<void> {
    for (let attempt = 1; batch.length > 0`,
      },
      {
        file: LANE,
        find: `this.#inFlight = this.#withoutWithdrawn(this.#inFlight);
        if (this.#inFlight.length === 0) return;
        await this.#send(producer, this.#inFlight);`,
        replace: `batch = this.#withoutWithdrawn(batch);
        if (batch.length === 0) return;
        await this.#send(producer, batch);`,
      },
      {
        file: LANE,
        find: `this.#inFlight = [];
    for (const`,
        replace: `this.#inFlight = this.#inFlight.filter((waiting) => !batch.includes(waiting));
    for (const`,
      },
    ],
    rows: ['kafka link cut'],
    note:
      'After a cut the second flush takes the sequence numbers of the first, whose answer was lost: the broker takes it ' +
      'for a repeat, if it has as many records, and it is acknowledged without having been written.',
  },
  {
    name: 'the producer is not replaced after an error',
    seed: SEED,
    edits: [
      {
        file: LANE,
        find: `this.#producer?.close().catch(() => undefined);
    this.#producer = undefined;
    await backOff(attempt);`,
        replace: 'await backOff(attempt);',
      },
    ],
    rows: ['kafka away for long'],
    note:
      'What was given up is not sent again, so what follows comes with the sequence numbers of what the broker has ' +
      'already written: it refuses that for ever.',
  },
  {
    name: 'a deadline on the fan-out lane',
    seed: SEED,
    edits: [
      {
        file: 'apps/sync/src/sync.module.ts',
        find: "log.appender({ topics: [INBOX], lane: 'persistent' })",
        replace: "log.appender({ topics: [INBOX], lane: 'request' })",
      },
    ],
    complaint: `Type '"request"' is not assignable to type '"persistent"'`,
    note:
      'Built all the same it stays green: the reader tries again what is given up, and what one try appends has one ' +
      'deadline but for a moment, so that something younger gets into the inbox before it only by chance.',
  },
];
