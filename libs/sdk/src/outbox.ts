import { messaging } from '@magpie/contracts';
import { MagpieError, asMagpieError, codeNameOf, type ErrorCode } from './errors.js';
import type { Changes, Journal } from './journal.js';
import type { LocalMessage } from './local-message.js';
import { NO_TRIES, afterAttempt, entryAsMessage, outgoing, type OutboxEntry, type Tries } from './outbox-entry.js';
import type { Clock, Random } from './ports.js';
import { jittered, type ServerClock } from './time.js';

/** Messages of one request. */
export const BATCH_MAX = 50;
/** Messages that may wait or have failed; past it `send` is refused. */
export const OUTBOX_MAX = 10_000;
/** Conversations that are sent to at the same time. */
const LANES_MAX = 8;
/** When an answer does not say how long to wait. */
const RETRY_AFTER_MS = 1000;

export interface OutboxOptions {
  readonly journal: Journal;
  readonly userId: string;
  readonly clock: Clock;
  readonly serverClock: ServerClock;
  readonly random: Random;
  /** Whether a request has a way to the server now; `wake` is to be called when that becomes true. */
  reachable(): boolean;
  send(request: messaging.SendMessagesRequest): Promise<messaging.SendMessagesResponse>;
  state(message: LocalMessage): void;
  conversation(peer: string): void;
}

/** What an entry holds besides its content. */
export type Extras = Pick<OutboxEntry, 'mentions' | 'quote' | 'forward' | 'burnAfterMs'>;

interface Lane {
  busy: boolean;
  notBefore: number;
  batchMax: number;
  cancelTimer: (() => void) | undefined;
}

interface Outcome {
  readonly entry: OutboxEntry;
  readonly code: ErrorCode;
  readonly retryAfterMs: number;
  readonly reason: string;
  readonly result?: messaging.SendResult;
}

/** Own messages from the first key stroke until the feed has brought them: durable, in order, one request per conversation. */
export class Outbox {
  /** In the order they were written. */
  readonly #entries = new Map<string, OutboxEntry>();
  readonly #tries = new Map<string, Tries>();
  readonly #lanes = new Map<string, Lane>();
  #order = 0;
  #stopped = false;

  constructor(private readonly options: OutboxOptions) {}

  /** What an earlier run left: whatever was being sent then may have been tried. */
  async load(): Promise<void> {
    const kept = await this.options.journal.list<OutboxEntry>({ prefix: 'outbox/' });
    const entries = kept.map(([, entry]) => entry).sort((a, b) => a.order - b.order);
    for (const entry of entries) {
      this.#entries.set(entry.clientId, entry.state === 'sending' ? { ...entry, uncertain: true } : entry);
      this.#order = entry.order;
    }
  }

  /** Resolves when the message would survive a crash; it is sent as soon as there is a way. */
  async send(to: string, content: messaging.Content, more: Extras = {}): Promise<LocalMessage> {
    if (this.#entries.size >= OUTBOX_MAX)
      throw new MagpieError('OVERLOADED', `the outbox holds ${OUTBOX_MAX} messages`);
    const entry: OutboxEntry = {
      clientId: this.options.random.id(),
      clientTimeMs: Math.round(this.options.serverClock.now()),
      order: ++this.#order,
      to,
      content: messaging.Content.toJSON(content),
      ...more,
      state: 'sending',
      uncertain: false,
    };
    await this.#save([entry], 'new');
    this.#drain(to);
    return entryAsMessage(entry, this.options.userId);
  }

  /** Tries a failed message again, with the same ids, behind what waits. */
  async resend(clientId: string): Promise<void> {
    const entry = this.#failed(clientId);
    const { code: _code, reason: _reason, ...rest } = entry;
    await this.#save([{ ...rest, state: 'sending', order: ++this.#order }], 'known');
    this.#drain(entry.to);
  }

  /** Forgets a failed message; if an attempt got through after all, the feed still brings it. */
  async discard(clientId: string): Promise<void> {
    const entry = this.#failed(clientId);
    await this.options.journal.update(async (changes) => {
      changes.delete(`outbox/${clientId}`);
      changes.after(() => this.#entries.delete(clientId));
      changes.after(() => this.options.conversation(entry.to));
    });
  }

  /** Own messages without a position, in the order they were written. */
  pending(peer?: string): LocalMessage[] {
    const found = [...this.#entries.values()].filter(({ to }) => peer === undefined || to === peer);
    return found.map((entry) => entryAsMessage(entry, this.options.userId));
  }

  /** Messages that are neither acknowledged nor given up. */
  get sending(): number {
    let count = 0;
    for (const { state } of this.#entries.values()) if (state === 'sending') count++;
    return count;
  }

  /** The feed has brought the message with this client id: its entry has done its duty. */
  async settle(changes: Changes, clientId: string): Promise<string | undefined> {
    if (!this.#entries.has(clientId)) return undefined;
    changes.delete(`outbox/${clientId}`);
    changes.after(() => {
      this.#entries.delete(clientId);
      this.#tries.delete(clientId);
    });
    return clientId;
  }

  /** There may be a way to the server again. */
  wake(): void {
    const peers = new Set([...this.#entries.values()].filter(({ state }) => state === 'sending').map(({ to }) => to));
    for (const peer of peers) this.#drain(peer);
  }

  stop(): void {
    this.#stopped = true;
    for (const lane of this.#lanes.values()) lane.cancelTimer?.();
  }

  #failed(clientId: string): OutboxEntry {
    const entry = this.#entries.get(clientId);
    if (entry?.state !== 'failed') throw new MagpieError('NOT_FOUND', 'no failed message has this id');
    return entry;
  }

  /** Starts sending to a conversation unless that goes on, has to wait, or as many as may are at it. */
  #drain(peer: string): void {
    const lane = this.#lanes.get(peer) ?? { busy: false, notBefore: 0, batchMax: BATCH_MAX, cancelTimer: undefined };
    this.#lanes.set(peer, lane);
    if (lane.busy || this.#stopped || !this.options.reachable()) return;
    const batch = this.#waiting(peer, lane.batchMax);
    if (batch.length === 0) return void this.#lanes.delete(peer);
    const pauseMs = lane.notBefore - this.options.clock.now();
    lane.cancelTimer?.();
    if (pauseMs > 0) return void (lane.cancelTimer = this.options.clock.after(pauseMs, () => this.#drain(peer)));
    if ([...this.#lanes.values()].filter(({ busy }) => busy).length >= LANES_MAX) return;
    lane.busy = true;
    this.#attempt(batch, lane)
      .catch(() => (lane.notBefore = this.options.clock.now() + 1000))
      .finally(() => {
        lane.busy = false;
        this.#drain(peer);
        this.wake();
      });
  }

  #waiting(peer: string, limit: number): OutboxEntry[] {
    const found: OutboxEntry[] = [];
    for (const entry of this.#entries.values()) {
      if (entry.to === peer && entry.state === 'sending') found.push(entry);
      if (found.length === limit) break;
    }
    return found;
  }

  async #attempt(batch: OutboxEntry[], lane: Lane): Promise<void> {
    let pauseMs = 0;
    const changed: OutboxEntry[] = [];
    for (const { entry, code, retryAfterMs, reason, result } of await this.#exchange(batch, lane)) {
      const current = this.#entries.get(entry.clientId);
      // What was cut off by the stop is judged by the next run.
      if (current === undefined || (this.#stopped && code !== 'OK')) continue;
      const step = afterAttempt(current, this.#tries.get(entry.clientId) ?? NO_TRIES, code, retryAfterMs);
      if (step.pauseMs === undefined) {
        this.#tries.delete(entry.clientId);
        changed.push(withResult(step.entry, result, reason));
      } else {
        this.#tries.set(entry.clientId, step.tries);
        this.#entries.set(entry.clientId, step.entry);
        pauseMs = Math.max(pauseMs, step.pauseMs);
      }
    }
    lane.notBefore = this.options.clock.now() + jittered(pauseMs, this.options.random);
    if (changed.length > 0) await this.#save(changed, 'known');
  }

  async #exchange(batch: OutboxEntry[], lane: Lane): Promise<Outcome[]> {
    try {
      const { results } = await this.options.send({ messages: batch.map(outgoing) });
      // The answer to a repeat tells the time of the first copy.
      if (!batch.some(({ uncertain }) => uncertain)) this.options.serverClock.learn(results.at(-1)?.serverTimeMs ?? 0);
      return batch.map((entry, index) => {
        const result = results[index];
        const code = result === undefined ? 'INTERNAL' : codeNameOf(result.code);
        return {
          entry,
          code,
          retryAfterMs: result?.retryAfterMs || RETRY_AFTER_MS,
          reason: result?.reason ?? 'the server left it without a result',
          ...(code === 'OK' && result !== undefined ? { result } : {}),
        };
      });
    } catch (thrown) {
      const error = asMagpieError(thrown);
      if (batch.length > 1 && (error.code === 'TOO_LARGE' || error.code === 'INVALID')) {
        // Which of them it is, the answer does not say: one by one from here on.
        lane.batchMax = 1;
        return [];
      }
      const { code, message: reason } = error;
      return batch.map((entry) => ({ entry, code, retryAfterMs: error.retryAfterMs || RETRY_AFTER_MS, reason }));
    }
  }

  /** A known entry that the feed has settled meanwhile is left alone; one that it brought before is settled now. */
  async #save(entries: OutboxEntry[], origin: 'new' | 'known'): Promise<void> {
    await this.options.journal.update(async (changes) => {
      for (const entry of entries) {
        const { clientId, messageId } = entry;
        if (origin === 'known' && !this.#entries.has(clientId)) continue;
        if (messageId !== undefined && (await changes.get(`seen/${messageId}`)) !== undefined) {
          await this.settle(changes, clientId);
          continue;
        }
        changes.put(`outbox/${clientId}`, entry);
        changes.after(() => {
          // Behind the others when its place has changed.
          if (this.#entries.get(clientId)?.order !== entry.order) this.#entries.delete(clientId);
          this.#entries.set(clientId, entry);
          this.options.state(entryAsMessage(entry, this.options.userId));
        });
      }
      for (const peer of new Set(entries.map(({ to }) => to))) changes.after(() => this.options.conversation(peer));
    });
  }
}

function withResult(entry: OutboxEntry, result: messaging.SendResult | undefined, reason: string): OutboxEntry {
  if (result === undefined) return { ...entry, reason };
  return { ...entry, messageId: result.messageId, serverTimeMs: result.serverTimeMs };
}
