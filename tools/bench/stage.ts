import { messaging, wire } from '@magpie/contracts';
import { DomainError } from '@magpie/domain';
import type { Player } from './accounts.js';
import { commandId, operationOf } from './commands.js';
import { BenchError, type RunningSystem } from './options.js';
import { Tally } from './tally.js';
import { cpuSeconds, difference } from './usage.js';

const SEND = operationOf('newsendmsg');
const BATCH_MAX = 50;
/** How long after the last message the rest of them may still arrive. */
const SETTLE_MS = 15_000;
/** The same when somebody waits for the end. */
const SETTLE_INTERRUPTED_MS = 2_000;
const SETTLE_CHECK_MS = 20;
const TICK_MS = 1;

export interface StagePlan {
  readonly rate: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly bytes: number;
}

export interface StageResult {
  readonly plan: StagePlan;
  readonly tally: Tally;
  /** The counted part, in ms since the start of the stage. */
  readonly window: { readonly fromMs: number; readonly toMs: number };
  /** Of every process of the system, over the window. */
  readonly cpu: Record<string, number>;
  readonly generatorCpu: number;
  readonly pulls: number;
  readonly applied: number;
  /** Messages that no notice told of: found by asking at the end. */
  readonly unannounced: number;
}

/** One sender's way to one receiver: one request in flight, what waits goes together. */
interface Lane {
  readonly index: number;
  readonly from: Player;
  readonly to: Player;
  readonly waiting: number[];
  busy: boolean;
}

/**
 * Messages at a steady rate, whatever becomes of those before; latency counts from the moment one was due. `enough` ends
 * the stage before its time, `signal` also the wait for its last messages.
 */
export async function runStage(
  plan: StagePlan,
  players: readonly Player[],
  running: RunningSystem,
  signal: AbortSignal,
  enough: AbortSignal = signal,
): Promise<StageResult> {
  const warmupMs = plan.warmupSeconds * 1000;
  const endMs = warmupMs + plan.seconds * 1000;
  const tally = new Tally(Math.ceil((plan.rate * endMs) / 1000));
  const run = commandId().slice(0, 8);
  const startedAt = performance.now();
  const now = (): number => performance.now() - startedAt;
  listen(players, run, tally, now);
  const before = players.map(({ device }) => ({ pulls: device.pulls, applied: device.applied }));
  const lanes = new Map<number, Lane>();
  const ended = AbortSignal.any([signal, enough]);
  const measured = measure(running, warmupMs, endMs, ended);
  const send = (): void => {
    const due = Math.min(tally.capacity, Math.floor((now() * plan.rate) / 1000) + 1);
    while (tally.sent < due) enqueue(tally.sent++, plan, players, lanes, tally, run, now);
  };
  while (now() < endMs && !ended.aborted) {
    send();
    await pause(TICK_MS);
  }
  const stoppedAt = Math.min(endMs, now());
  await settled(tally, signal);
  const unseen = tally.lost;
  // What no notice told of is not lost when a pull brings it, but its receiver would have waited for a heartbeat.
  if (unseen > 0) await Promise.all(players.map(({ device }) => device.pull().catch(() => undefined)));
  const { cpu, generatorCpu } = await measured;
  const total = (key: 'pulls' | 'applied'): number =>
    players.reduce((sum, { device }, i) => sum + device[key] - before[i]![key], 0);
  // Shorter than planned when it was ended.
  const window = { fromMs: Math.min(warmupMs, stoppedAt), toMs: stoppedAt };
  const counts = { pulls: total('pulls'), applied: total('applied'), unannounced: unseen - tally.lost };
  return { plan, tally, window, cpu, generatorCpu, ...counts };
}

/** Throws BenchError where the players, who are nobody's friends, may not write to each other. */
export async function requireStrangers([from, to]: readonly Player[]): Promise<void> {
  if (from === undefined || to === undefined) return;
  const answer = await from.device.request(SEND, encode([0], to.userId, 0, commandId().slice(0, 8)));
  const [result] = messaging.SendMessagesResponse.decode(answer).results;
  if (result?.code !== wire.Code.NOT_FRIENDS) return;
  throw new BenchError('only friends may write there; start it with MESSAGING_STRANGERS=allow');
}

function listen(players: readonly Player[], run: string, tally: Tally, now: () => number): void {
  for (const { device, userId } of players) {
    device.onMessage = ({ from, content }) => {
      if (from === userId || content?.content?.$case !== 'text') return;
      const [inRun, number] = content.content.value.text.split(':', 2);
      if (inRun === run) tally.deliver(Number(number), now());
    };
  }
}

function enqueue(
  message: number,
  plan: StagePlan,
  players: readonly Player[],
  lanes: Map<number, Lane>,
  tally: Tally,
  run: string,
  now: () => number,
): void {
  const from = Math.floor(Math.random() * players.length);
  const to = (from + 1 + Math.floor(Math.random() * (players.length - 1))) % players.length;
  const index = from * players.length + to;
  let lane = lanes.get(index);
  if (lane === undefined) {
    lane = { index, from: players[from]!, to: players[to]!, waiting: [], busy: false };
    lanes.set(index, lane);
  }
  tally.dueAt[message] = (message * 1000) / plan.rate;
  tally.lane[message] = index;
  lane.waiting.push(message);
  if (!lane.busy) void drain(lane, plan, tally, run, now);
}

async function drain(lane: Lane, plan: StagePlan, tally: Tally, run: string, now: () => number): Promise<void> {
  lane.busy = true;
  while (lane.waiting.length > 0) {
    const batch = lane.waiting.splice(0, BATCH_MAX);
    for (const message of batch) tally.sentAt[message] = now();
    try {
      const { results } = messaging.SendMessagesResponse.decode(
        await lane.from.device.request(SEND, encode(batch, lane.to.userId, plan.bytes, run)),
      );
      const at = now();
      batch.forEach((message, i) => {
        const code = results[i]?.code;
        if (code === wire.Code.OK) tally.ack(message, at);
        else tally.refuse(code === undefined ? 'NO_RESULT' : wire.Code[code]);
      });
    } catch (error) {
      const code = error instanceof DomainError ? error.code : 'LINK_LOST';
      for (const _ of batch) tally.refuse(code);
    }
  }
  lane.busy = false;
}

function encode(batch: readonly number[], to: string, bytes: number, run: string): Uint8Array {
  const messages = batch.map((message) => ({
    clientId: `${run}-${message}`,
    clientTimeMs: Date.now(),
    to,
    content: { content: { $case: 'text' as const, value: { text: `${run}:${message}:`.padEnd(bytes, 'x') } } },
    mentions: [],
    quoteMessageId: '',
    forward: undefined,
    burnAfterMs: 0,
  }));
  return messaging.SendMessagesRequest.encode({ messages }).finish();
}

/** CPU of everybody over the counted part of the stage. */
async function measure(running: RunningSystem, fromMs: number, toMs: number, signal: AbortSignal) {
  await pause(fromMs, signal);
  const before = await cpuSeconds(running.processes);
  const own = process.cpuUsage();
  await pause(toMs - fromMs, signal);
  const { user, system } = process.cpuUsage(own);
  return { cpu: difference(await cpuSeconds(running.processes), before), generatorCpu: (user + system) / 1e6 };
}

/** Until every message has been answered and every acknowledged one delivered; bounded. */
async function settled(tally: Tally, signal: AbortSignal): Promise<void> {
  const refused = (): number => [...tally.refusals.values()].reduce((sum, count) => sum + count, 0);
  const startedAt = performance.now();
  while (performance.now() - startedAt < (signal.aborted ? SETTLE_INTERRUPTED_MS : SETTLE_MS)) {
    if (tally.acked + refused() >= tally.sent && tally.delivered >= tally.acked) return;
    await pause(SETTLE_CHECK_MS);
  }
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });
}
