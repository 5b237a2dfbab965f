import { setTimeout as delay } from 'node:timers/promises';

import type { ProxyMode } from '@magpie/testing';

import type { Row } from '../row.js';

/** A broker that is far away: requests last, so what is written meanwhile gathers behind them. */
const FAR_MS = 80;
const CUTS: readonly ProxyMode[] = ['cut-before-answer', 'cut-within-answer', 'cut-after-answer'];
const CUT_ROUNDS = 8;
/** Long enough that every connection in use gets an answer, and is cut at it. */
const CUT_FOR_MS = 200;
const CUT_EVERY_MS = 700;
const LOST_MS = 6_000;
const STALLED_MS = 12_000;
/** Silence is noticed after a request has waited for 5 s; owners then come back by the time-outs of their group. */
const SILENT_MS = 14_000;
const REFUSED_MS = 5_000;
/** Longer than the 30 s after which a sender's request gives up; and what is no request must not. */
const LOST_LONG_MS = 38_000;

/** The network between all services and the broker, which itself runs on. */
export const KAFKA_LINKS: readonly Row[] = [
  {
    name: 'kafka link cut',
    what:
      'Answers of the broker take 80 ms, and every 0.7 s all connections to it are reset just before, within or just ' +
      'after an answer, eight times.',
    shape: 'proxied',
    run: async ({ rig: { kafkaLink }, choose }) => {
      kafkaLink.delayAnswers(FAR_MS);
      const modes = Array.from({ length: CUT_ROUNDS }, () => CUTS[choose(CUTS.length)]!);
      for (const mode of modes) {
        await delay(CUT_EVERY_MS - CUT_FOR_MS);
        kafkaLink.set(mode);
        await delay(CUT_FOR_MS);
        kafkaLink.set('pass');
      }
      kafkaLink.delayAnswers(0);
      return modes.map((mode) => mode.split('-')[1]).join(', ');
    },
  },
  lost('kafka answers lost', LOST_MS),
  lost('kafka answers lost for long', LOST_LONG_MS),
  lasting(
    'kafka link stalled',
    'stall',
    STALLED_MS,
    'Nothing moves between services and broker for 12 s, and then all.',
  ),
  lasting(
    'kafka connections silent',
    'half-open',
    SILENT_MS,
    'All connections to the broker go silent for ever without being closed; new ones work.',
  ),
  lasting('kafka link refused', 'refuse', REFUSED_MS, 'Connections to the broker are reset, and new ones for 5 s.'),
];

function lasting(name: string, mode: ProxyMode, forMs: number, what: string): Row {
  return {
    name,
    what,
    shape: 'proxied',
    run: async ({ rig: { kafkaLink } }) => {
      kafkaLink.set(mode);
      await delay(forMs);
      kafkaLink.set('pass');
    },
  };
}

function lost(name: string, forMs: number): Row {
  return {
    name,
    what: `For ${forMs / 1000} s requests reach the broker and none of its answers come back; then the link is cut.`,
    shape: 'proxied',
    run: async ({ rig: { kafkaLink } }) => {
      kafkaLink.delayAnswers(FAR_MS);
      kafkaLink.set('swallow');
      await delay(forMs);
      kafkaLink.cut();
      kafkaLink.set('pass');
      kafkaLink.delayAnswers(0);
    },
  };
}
