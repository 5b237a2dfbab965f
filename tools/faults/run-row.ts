import { setTimeout as delay } from 'node:timers/promises';

import { SignUps, type Choose, type Load, type LoadResult, type SignUpResult } from '@magpie/testing';

import { CheckpointWatch } from './checkpoint-watch.js';
import { seconds } from './lines.js';
import { databaseOf, SERVICES, type Rig } from './rig.js';
import { NotReached, NotRun, type Row, type RowResult, type Scene, type Status } from './row.js';

/** Load before the fault, and after the system is healthy again. */
const BEFORE_MS = 2_000;
const AFTER_MS = 4_000;
/** A system that was just started first has to come so far that messages flow: what it is slow at then is not the fault's. */
const FLOWS_WITHIN_MS = 20_000;
const LOOK_MS = 100;
/** Every send must have its answer this soon after the last repair. */
const RESOLVE_WITHIN_MS = 60_000;
const TOLD_MAX = 3;

/** One fault under load on a healthy system, and the judgement. Leaves the system as it then is. */
export async function runRow(row: Row, rig: Rig, load: Load, choose: Choose): Promise<RowResult> {
  const checkpoints = new CheckpointWatch(rig.mongodb, SERVICES.map(databaseOf));
  const signUps = new SignUps(rig.doors[0]!, `p${Date.now().toString(36)}`);
  try {
    return await judged(row, { rig, load, trial: load.begin(row.losesLog), choose }, signUps, checkpoints);
  } finally {
    load.end();
    signUps.end();
    await checkpoints.end();
  }
}

async function judged(row: Row, scene: Scene, signUps: SignUps, checkpoints: CheckpointWatch): Promise<RowResult> {
  const { rig, load, trial } = scene;
  const startedAt = performance.now();
  let particulars = '';
  let missed: NotReached | NotRun | undefined;
  const wrong: string[] = [];
  signUps.begin();
  await delay(BEFORE_MS);
  for (const until = Date.now() + FLOWS_WITHIN_MS; !trial.flows && Date.now() < until;) await delay(LOOK_MS);
  trial.broken();
  try {
    particulars = (await row.run(scene)) ?? '';
  } catch (error) {
    if (error instanceof NotReached || error instanceof NotRun) missed = error;
    else wrong.push((error as Error).message);
  }
  trial.repaired();
  const unhealthy = await rig.unhealthy();
  if (unhealthy.length > 0) wrong.push(`not healthy again: ${unhealthy.join(', ')}`);
  await delay(AFTER_MS);
  load.end();
  signUps.end();
  const [loadResult, signUpResult] = await Promise.all([
    load.settle(RESOLVE_WITHIN_MS),
    signUps.settle(
      RESOLVE_WITHIN_MS,
      load.devices[0]!,
      load.devices.map(({ userId }) => userId),
    ),
  ]);
  wrong.push(...faultsOf(loadResult), ...faultsOfSignUps(signUpResult), ...firstOf(await checkpoints.end()));
  const reasons = missed === undefined ? wrong : [missed.message, ...wrong];
  const status = wrong.length > 0 ? 'failed' : statusOf(missed);
  const tookMs = performance.now() - startedAt;
  return { row, status, reasons, particulars, load: loadResult, signUps: signUpResult, tookMs };
}

/** A few of what may be many, and how many. */
function firstOf(wrong: readonly string[]): string[] {
  const more = wrong.length - TOLD_MAX;
  return [...wrong.slice(0, TOLD_MAX), ...(more > 0 ? [`${more} more like it`] : [])];
}

function statusOf(missed: NotReached | NotRun | undefined): Status {
  if (missed === undefined) return 'passed';
  return missed instanceof NotRun ? 'not run' : 'not reached';
}

/** Everything that went wrong under the load; empty = nothing. */
export function faultsOf(result: LoadResult): string[] {
  const {
    summary,
    unresolved,
    resolvedAfterMs,
    foundByPull,
    offline,
    behind,
    shownAgain,
    shownToRemoved,
    feedGaps,
    historyGaps,
  } = result;
  return [
    ...Object.entries(summary.counts).map(([kind, count]) => `${count} ${kind}`),
    ...Object.entries(result.refusals).map(([code, count]) => `${count} refused: ${code}`),
    ...(unresolved > 0 ? [`${unresolved} sends without an answer`] : []),
    ...(resolvedAfterMs > RESOLVE_WITHIN_MS
      ? [`a send was resolved ${seconds(resolvedAfterMs)} after the repair`]
      : []),
    ...(foundByPull > 0 ? [`${foundByPull} found only by asking`] : []),
    ...(feedGaps > 0 ? [`${feedGaps} not once in a feed that is read again`] : []),
    ...(historyGaps > 0 ? [`${historyGaps} not once in the history`] : []),
    ...(behind > 0 ? [`${behind} devices did not come to the end of their feeds`] : []),
    ...(offline > 0 ? [`${offline} devices did not come back`] : []),
    ...(shownToRemoved > 0 ? [`${shownToRemoved} shown to somebody who had been removed before`] : []),
    ...firstOf(result.wrong),
    ...(shownAgain > 0 ? [`${shownAgain} old messages shown again`] : []),
  ];
}

function faultsOfSignUps({ unresolved, invisible, wrong }: SignUpResult): string[] {
  return [
    ...(unresolved > 0 ? [`${unresolved} sign-ups without an answer`] : []),
    ...(invisible > 0 ? [`${invisible} profiles not found`] : []),
    ...firstOf(wrong),
  ];
}
