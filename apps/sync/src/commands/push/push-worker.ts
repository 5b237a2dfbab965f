import { randomUUID } from 'node:crypto';
import { counter, crashPoint, type Logger } from '@magpie/observability';
import { wayOf, type Push, type PushProvider } from '../../clients/push/provider.js';
import { PUSH_LIMITS } from '../../domain/push/limits.js';
import { backOffMs, type Outcome } from '../../domain/push/outcome.js';
import type { Registration } from '../../domain/push/registration.js';
import { DEFAULT_SETTINGS, isQuiet, type PushSettings } from '../../domain/push/settings.js';
import { wordingOf } from '../../domain/push/wording.js';
import { deviceIdOf, registrationOf, type PushCollections } from '../../queries/push/stored.js';
import { nameOf, type CallQueue, type ClaimedCall } from './call-queue.js';
import type { Registrations } from './registrations.js';
import { Ways } from './ways.js';

const LOOK_EVERY_MS = 1_000;

const pushes = counter({
  name: 'magpie_sync_pushes_total',
  help: 'Pushes by provider and what became of the try',
  labels: ['provider', 'outcome'],
});

export interface PushWorkerParts {
  readonly queue: CallQueue;
  readonly collections: Pick<PushCollections, 'devices' | 'settings'>;
  readonly registrations: Pick<Registrations, 'endTarget'>;
  readonly providers: readonly PushProvider[];
  /** Ms since 1970. */
  readonly now: () => number;
  readonly logger: Logger;
}

/** Makes the pushes that are due. Any number of instances may: each claims what it makes. */
export class PushWorker {
  readonly #parts: PushWorkerParts;
  readonly #providers: ReadonlyMap<string, PushProvider>;
  readonly #ways = new Ways();
  readonly #underWay = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  constructor(parts: PushWorkerParts) {
    this.#parts = parts;
    this.#providers = new Map(parts.providers.map((provider) => [provider.name, provider]));
  }

  start(): void {
    this.#timer = setInterval(() => this.wake(), LOOK_EVERY_MS);
  }

  /** Something may be due. */
  wake(): void {
    if (this.#stopped) return;
    this.#again = true;
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#looking;
    await Promise.all(this.#underWay);
    await Promise.all(this.#parts.providers.map((provider) => provider.close()));
  }

  async #look(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false;
      const places = PUSH_LIMITS.underWayMax - this.#underWay.size;
      if (places === 0) return;
      try {
        const claimed = await this.#parts.queue.claim(places, randomUUID(), this.#parts.now());
        for (const call of claimed) this.#begin(call);
        if (claimed.length === places) this.#again = true;
      } catch (err) {
        this.#parts.logger.warn({ err }, 'due pushes could not be read');
      }
    }
  }

  #begin(call: ClaimedCall): void {
    const work = this.#make(call)
      .catch((err: unknown) => this.#parts.logger.warn({ err }, 'a push is left to its lease'))
      .finally(() => {
        this.#underWay.delete(work);
        if (this.#underWay.size < PUSH_LIMITS.underWayMax / 2) this.wake();
      });
    this.#underWay.add(work);
  }

  async #make(call: ClaimedCall): Promise<void> {
    const { queue, collections, now } = this.#parts;
    const [device, setting] = await Promise.all([
      collections.devices.findOne({ _id: deviceIdOf(call.u, call.d) }),
      collections.settings.findOne({ _id: call.u }),
    ]);
    const settings = setting?.settings ?? DEFAULT_SETTINGS;
    const provider = device === null ? undefined : this.#providers.get(device.t.provider);
    const isOver = call.until.getTime() <= now() || call.unsure > PUSH_LIMITS.unsureMax;
    if (device === null || provider === undefined || !settings.enabled || isOver) return queue.drop(call);
    const registration = registrationOf(device);
    const way = wayOf(registration.target);
    const waitMs = this.#ways.enter(way, now());
    if (waitMs !== undefined) return queue.putBack(call, now() + waitMs);
    let outcome: Outcome | undefined;
    try {
      const badge = await queue.badgeOf(call);
      outcome = await provider.send(pushOf(call, registration, { settings, badge, now: now() }));
      crashPoint('push.after-send');
    } finally {
      this.#ways.leave(way, outcome, now());
    }
    pushes.inc({ provider: provider.name, outcome: outcome.status });
    await this.#settle(call, registration, outcome);
  }

  async #settle(call: ClaimedCall, registration: Registration, outcome: Outcome): Promise<void> {
    const { queue, registrations, now, logger } = this.#parts;
    const { provider } = registration.target;
    switch (outcome.status) {
      case 'Sent':
        return queue.made(call, now());
      case 'Gone':
        logger.info({ provider, reason: outcome.reason }, 'a device is not reached by its token any more');
        await registrations.endTarget(registration, outcome.sinceMs);
        return queue.drop(call);
      case 'Refused':
        logger.warn({ provider, reason: outcome.reason }, 'a push was refused');
        return queue.drop(call);
      case 'Later': {
        logger.debug({ provider, reason: outcome.reason, tries: call.tries }, 'a push is tried again');
        const due = now() + backOffMs(call.tries, Math.random(), outcome.retryAfterMs);
        if (call.tries >= PUSH_LIMITS.triesMax || due >= call.until.getTime()) return queue.drop(call);
        return queue.again(call, due, outcome.unsure);
      }
    }
  }
}

function pushOf(
  call: ClaimedCall,
  registration: Registration,
  { settings, badge, now }: { settings: PushSettings; badge: number; now: number },
): Push {
  const content = settings.showContent ? call.c : undefined;
  return {
    ...wordingOf({ kind: call.kind, count: call.n, content }, registration.locale),
    target: registration.target,
    silent: isQuiet(settings, now),
    badge,
    name: nameOf(call),
    kind: call.kind,
    peer: call.p,
    expiresAtMs: call.until.getTime(),
  };
}
