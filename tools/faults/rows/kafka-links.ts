import { setTimeout as delay } from 'node:timers/promises';

import type { ProxyMode, TcpProxy, Trial } from '@magpie/testing';

import type { Row } from '../row.js';

/** A broker that is so far away has a request under way, with more waiting behind it, at most times. */
const FAR_MS = 10;
const VERY_FAR_MS = 80;

const CUTS: readonly ProxyMode[] = ['cut-before-answer', 'cut-within-answer', 'cut-after-answer'];
const CUT_ROUNDS = 20;
/** Long enough that every connection in use gets an answer, and is cut at it. */
const CUT_FOR_MS = 100;
const CUT_AFTER_MS = 300;
/** So few sends wait for their answer when nothing is in the way. */
const OPEN_FEW = 60;
const FLOWING_WITHIN_MS = 3_000;
const LOOK_MS = 20;

const LOST_MS = 6_000;
const LOST_FIRST_MS = 2_000;
/** Longer than the 30 s after which a sender's request is given up, whatever became of it. */
const AWAY_LONG_MS = 36_000;
const STALLED_MS = 12_000;
/** Silence is noticed after a request has waited for 5 s; owners then come back by the time-outs of their group. */
const SILENT_MS = 14_000;
const REFUSED_MS = 5_000;

const cut: Row = {
  name: 'kafka link cut',
  what:
    'Answers of the broker take 10 ms; twenty times, once messages flow, all connections to it are reset just before, ' +
    'within or just after an answer.',
  shape: 'proxied',
  run: async ({ rig: { kafkaLink }, trial, choose }) => {
    kafkaLink.delayAnswers(FAR_MS);
    const modes = Array.from({ length: CUT_ROUNDS }, () => CUTS[choose(CUTS.length)]!);
    for (const mode of modes) {
      await flowing(trial);
      await delay(choose(CUT_AFTER_MS));
      kafkaLink.set(mode);
      await delay(CUT_FOR_MS);
      kafkaLink.set('pass');
    }
    kafkaLink.delayAnswers(0);
    return CUTS.map((each) => `${modes.filter((mode) => mode === each).length} × ${each}`).join(', ');
  },
};

const lost: Row = {
  name: 'kafka answers lost',
  what: 'For 6 s requests reach the broker and none of its answers come back; then the link is cut.',
  shape: 'proxied',
  run: async ({ rig: { kafkaLink } }) => {
    await losingAnswers(kafkaLink, LOST_MS);
    kafkaLink.cut();
    kafkaLink.set('pass');
  },
};

const away: Row = {
  name: 'kafka away for long',
  what: 'For 2 s requests reach the broker and none of its answers come back; then connections are refused for 36 s.',
  shape: 'proxied',
  run: async ({ rig: { kafkaLink } }) => {
    await losingAnswers(kafkaLink, LOST_FIRST_MS);
    kafkaLink.set('refuse');
    await delay(AWAY_LONG_MS);
    kafkaLink.set('pass');
  },
};

const lasting = (name: string, mode: ProxyMode, forMs: number, what: string): Row => ({
  name,
  what,
  shape: 'proxied',
  run: async ({ rig: { kafkaLink } }) => {
    kafkaLink.set(mode);
    await delay(forMs);
    kafkaLink.set('pass');
  },
});

/** The network between all services and the broker, which itself runs on. */
export const KAFKA_LINKS: readonly Row[] = [
  cut,
  lost,
  away,
  lasting(
    'kafka link stalled',
    'stall',
    STALLED_MS,
    'For 12 s nothing moves between services and broker; then all does.',
  ),
  lasting(
    'kafka connections silent',
    'half-open',
    SILENT_MS,
    'All connections to the broker go silent for ever without being closed; new ones work.',
  ),
  lasting(
    'kafka link refused',
    'refuse',
    REFUSED_MS,
    'Connections to the broker are reset, and new ones refused for 5 s.',
  ),
];

/** With requests under way when it begins. */
async function losingAnswers(kafkaLink: TcpProxy, forMs: number): Promise<void> {
  kafkaLink.delayAnswers(VERY_FAR_MS);
  await delay(VERY_FAR_MS);
  kafkaLink.set('swallow');
  await delay(forMs);
  kafkaLink.delayAnswers(0);
}

async function flowing(trial: Trial): Promise<void> {
  const until = performance.now() + FLOWING_WITHIN_MS;
  while (trial.open > OPEN_FEW && performance.now() < until) await delay(LOOK_MS);
}
