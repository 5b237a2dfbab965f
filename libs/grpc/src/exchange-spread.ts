import { unavailable } from '@magpie/domain';
import type { ExchangeStream } from './exchange-stream.js';
import type { Exchange, ExchangeCall } from './handlers.js';

/** Exchange with any instance of a service: turn by turn over those that stand and have room. */
export class ExchangeSpread implements Exchange {
  readonly #service: string;
  readonly #streams: readonly ExchangeStream[];
  #turn = 0;

  constructor(service: string, streams: readonly ExchangeStream[]) {
    this.#service = service;
    this.#streams = streams;
  }

  get full(): boolean {
    return this.#streams.length > 0 && this.#streams.every((stream) => stream.full);
  }

  onRoom(listener: () => void): void {
    for (const stream of this.#streams) stream.onRoom(listener);
  }

  call(item: ExchangeCall): Promise<{ body: Uint8Array; feedKey: number }> {
    const stream =
      this.#pick((one) => one.open && !one.full) ?? this.#pick((one) => one.connecting && !one.full) ?? this.#pick();
    return stream ? stream.call(item) : Promise.reject(unavailable(this.#service));
  }

  #pick(fits: (stream: ExchangeStream) => boolean = () => true): ExchangeStream | undefined {
    for (let step = 0; step < this.#streams.length; step += 1) {
      this.#turn = (this.#turn + 1) % this.#streams.length;
      const stream = this.#streams[this.#turn];
      if (stream && fits(stream)) return stream;
    }
    return undefined;
  }
}
