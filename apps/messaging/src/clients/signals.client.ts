import { sync } from '@magpie/contracts';
import type { Peers } from '@magpie/grpc';
import { counter, type Logger } from '@magpie/observability';
import type { Signals } from '../commands/send-typing.js';

/** What comes within this time goes together. */
const GATHER_MS = 50;
/** Of one request to sync (its own bound), and how many may wait. */
const REQUEST_MAX = 1_000;
const TIMEOUT_MS = 1_000;

const signalsDropped = counter({
  name: 'magpie_messaging_signals_dropped_total',
  help: 'What was of a moment and could not be told in it',
});

/** Every instance of sync, each of which tells those who are attached there. */
export class SyncSignals implements Signals {
  readonly #instances;
  #waiting: sync.SignalRequest_Signal[] = [];

  constructor(
    peers: Peers,
    private readonly logger: Logger,
  ) {
    this.#instances = peers
      .addresses('sync')
      .map((address) => peers.client('sync', sync.SyncServiceDefinition, address));
  }

  send(users: readonly string[], item: sync.Item): void {
    if (this.#waiting.length >= REQUEST_MAX) return signalsDropped.inc();
    this.#waiting.push({ users: [...users], item: sync.Item.encode(item).finish() });
    if (this.#waiting.length === 1) setTimeout(() => this.#tell(), GATHER_MS).unref();
  }

  #tell(): void {
    const signals = this.#waiting;
    this.#waiting = [];
    for (const instance of this.#instances) {
      instance.signal({ signals }, { timeoutMs: TIMEOUT_MS }).catch((err: unknown) => {
        signalsDropped.inc(signals.length);
        this.logger.debug({ err }, 'an instance of sync was not told what is of this moment');
      });
    }
  }
}
