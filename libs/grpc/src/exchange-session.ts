import type { ServerDuplexStream } from '@grpc/grpc-js';
import { toWireError, type wire } from '@magpie/contracts';
import { DomainError, exhausted, unavailable } from '@magpie/domain';
import { Corked } from './corked.js';
import type { Caller } from './handlers.js';
import {
  BATCH_BYTES_MAX,
  BATCH_ITEMS_MAX,
  IN_FLIGHT_MAX,
  OVERDUE_MAX,
  TIMEOUT_DEFAULT_MS,
  TIMEOUT_MAX_MS,
} from './limits.js';
import { countOverdue, type Route } from './route.js';
import { Sweeper } from './sweeper.js';

type Item = wire.ExchangeRequest_Item;
type Answer = wire.ExchangeResponse_Item;
export type ExchangeServerStream = ServerDuplexStream<wire.ExchangeRequest, wire.ExchangeResponse>;

const NO_BYTES = new Uint8Array(0);
/** Bytes of an answer besides its body, roughly. */
const ANSWER_OVERHEAD_BYTES = 16;

interface InFlight {
  readonly sequence: number;
  readonly route: Route;
  /** On the monotonic clock. */
  readonly dueMs: number;
  answered: boolean;
}

/** One caller's Exchange stream: items in, handlers side by side, answers out in the order they are ready. */
export class ExchangeSession {
  readonly #stream: ExchangeServerStream;
  readonly #routes: ReadonlyMap<number, Route>;
  readonly #answers: Corked<Answer>;
  readonly #inFlight = new Set<InFlight>();
  readonly #sweeper = new Sweeper((nowMs) => this.#sweep(nowMs));
  #overdue = 0;
  #paused = false;
  #draining = false;
  #ended = false;

  constructor(stream: ExchangeServerStream, routes: ReadonlyMap<number, Route>) {
    this.#stream = stream;
    this.#routes = routes;
    this.#answers = new Corked({
      send: (items, done) => stream.write({ items }, () => this.#sent(done)),
      sizeOf: (answer) => answer.body.length + ANSWER_OVERHEAD_BYTES,
      itemsMax: BATCH_ITEMS_MAX,
      bytesMax: BATCH_BYTES_MAX,
    });
    stream.on('data', (batch: wire.ExchangeRequest) => this.#receive(batch));
    stream.on('end', () => this.drain());
    stream.on('close', () => this.#sweeper.stop());
  }

  /** Answers what is in flight, refuses what still comes, then ends the stream. */
  drain(): void {
    this.#draining = true;
    this.#endIfDone();
  }

  /** Answers UNAVAILABLE for what is past its time; the handlers go on, their results are dropped. */
  #sweep(nowMs: number): boolean {
    for (const flight of this.#inFlight) {
      if (flight.dueMs > nowMs) continue;
      flight.answered = true;
      this.#overdue += 1;
      this.#inFlight.delete(flight);
      countOverdue(flight.route);
      this.#refuse(flight.sequence, unavailable('an answer in time'));
    }
    return this.#inFlight.size > 0;
  }

  #receive(batch: wire.ExchangeRequest): void {
    // Once ended, what still comes breaks with the stream, and its sender knows.
    if (this.#ended) return;
    for (const item of batch.items) this.#begin(item);
    if (this.#load() < IN_FLIGHT_MAX || this.#paused) return;
    this.#paused = true;
    this.#stream.pause();
  }

  #begin(item: Item): void {
    const route = this.#routes.get(item.command);
    const refusal = this.#refusalOf(item, route);
    if (refusal || !route) return this.#refuse(item.sequence, refusal);
    const timeoutMs = item.timeoutMs > 0 ? Math.min(item.timeoutMs, TIMEOUT_MAX_MS) : TIMEOUT_DEFAULT_MS;
    const flight = { sequence: item.sequence, route, dueMs: performance.now() + timeoutMs, answered: false };
    this.#inFlight.add(flight);
    this.#sweeper.wake();
    void this.#run(flight, item, Date.now() + timeoutMs);
  }

  #refusalOf(item: Item, route: Route | undefined): DomainError | undefined {
    if (this.#draining) return unavailable('this instance');
    if (this.#overdue >= OVERDUE_MAX) return exhausted('this instance');
    if (route?.info?.access !== 'CLIENT') {
      return new DomainError('not-found', 'UNKNOWN_COMMAND', `no command ${item.command} here`);
    }
    if (route.info.auth === 'SESSION' && !item.identity?.userId) {
      return new DomainError('unauthenticated', 'SESSION_REQUIRED', 'this command needs a session');
    }
    return undefined;
  }

  async #run(flight: InFlight, item: Item, deadline: number): Promise<void> {
    const caller: Caller = {
      kind: 'CLIENT',
      userId: item.identity?.userId ?? '',
      deviceId: item.identity?.deviceId ?? '',
      sessionId: item.identity?.sessionId ?? '',
      requestId: item.requestId,
      deadline,
      answer: { feedKey: 0 },
    };
    try {
      const body = await flight.route.call(item.body, caller);
      const { feedKey } = caller.answer;
      this.#finish(flight, { sequence: flight.sequence, body, error: undefined, feedKey });
    } catch (error) {
      const answer = { sequence: flight.sequence, body: NO_BYTES, error: toWireError(error), feedKey: 0 };
      this.#finish(flight, answer);
    }
  }

  #finish(flight: InFlight, answer: Answer): void {
    if (flight.answered) {
      this.#overdue -= 1;
      return;
    }
    this.#inFlight.delete(flight);
    this.#answers.push(answer);
  }

  #refuse(sequence: number, error: unknown): void {
    this.#answers.push({ sequence, body: NO_BYTES, error: toWireError(error), feedKey: 0 });
  }

  /** Items without an answer and answers that the caller has not taken. */
  #load(): number {
    return this.#inFlight.size + this.#answers.waiting;
  }

  #makeRoom(): void {
    if (!this.#paused || this.#load() > IN_FLIGHT_MAX / 2) return;
    this.#paused = false;
    this.#stream.resume();
  }

  #sent(done: () => void): void {
    done();
    this.#makeRoom();
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (this.#ended || !this.#draining || this.#inFlight.size > 0 || !this.#answers.idle) return;
    this.#ended = true;
    this.#stream.end();
  }
}
